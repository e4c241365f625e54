// Writes name.br and name.gz beside every text file of dist/ that gets smaller by it, so that the server never compresses at run time.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

const dist = fileURLToPath(new URL('../dist', import.meta.url))
const compressible = /\.(?:html|js|css|svg|json|txt)$/

const brotli = (bytes) =>
  promisify(brotliCompress)(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
    },
  })
const zip = (bytes) => promisify(gzip)(bytes, { level: 9 })

const entries = await readdir(dist, { recursive: true, withFileTypes: true })
const names = entries
  .filter((entry) => entry.isFile() && compressible.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name))
  .sort()
if (names.length === 0) throw new Error(`${dist} holds no pages: run \`vite build\` first`)

for (const name of names) {
  const bytes = await readFile(name)
  const forms = { br: await brotli(bytes), gz: await zip(bytes) }
  for (const [ending, small] of Object.entries(forms)) {
    if (small.length < bytes.length) await writeFile(`${name}.${ending}`, small)
  }
  console.log(`${name.slice(dist.length + 1)}  ${bytes.length} B  br ${forms.br.length} B  gz ${forms.gz.length} B`)
}
