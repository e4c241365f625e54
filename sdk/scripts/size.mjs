// What an application pays for each entry, minified and gzipped. Fails above the budget.
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

const BUDGETS = [
  { entry: 'index.js', bytes: 8000, external: [] },
  { entry: 'react.js', bytes: 2000, external: ['react', './index.js'] },
]

let over = false
for (const { entry, bytes, external } of BUDGETS) {
  const result = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      target: 'es2022',
      minify: true,
      lib: { entry: new URL(`../dist/${entry}`, import.meta.url).pathname, formats: ['es'] },
      rolldownOptions: { external, output: { minify: true }, onwarn() {} },
    },
  })
  const code = [result].flat()[0].output.map((chunk) => chunk.code ?? '').join('')
  const size = gzipSync(code, { level: 9 }).length
  over ||= size > bytes
  console.log(`${entry}: ${size} of ${bytes} bytes (${code.length} before gzip)${size > bytes ? ' — over budget' : ''}`)
}
process.exitCode = over ? 1 : 0
