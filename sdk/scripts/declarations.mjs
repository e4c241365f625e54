// Gives the declarations the import suffixes that Node asks for, and a copy beside them for `require`.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const dist = new URL('../dist/', import.meta.url).pathname
const files = readdirSync(dist, { recursive: true }).filter((name) => name.endsWith('.d.ts'))
if (files.length === 0) throw new Error('dist/ holds no declarations; run `tsc -p tsconfig.build.json` first')

const RELATIVE = /((?:from|import\()\s*)(['"])(\.{1,2}\/[^'"]+?)(?:\.c?js)?\2/g
const suffixed = (text, suffix) =>
  text.replace(RELATIVE, (_, before, quote, path) => `${before}${quote}${path}.${suffix}${quote}`)

for (const name of files) {
  const path = join(dist, name)
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, suffixed(text, 'js'))
  writeFileSync(path.replace(/\.d\.ts$/, '.d.cts'), suffixed(text, 'cjs'))
}
console.log(`${files.length} declarations, for import and require`)
