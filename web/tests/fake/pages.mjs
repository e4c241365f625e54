// The pages from dist/, with the headers of the real server.
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const dist = new URL('../../dist/', import.meta.url)
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const KINDS = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', svg: 'image/svg+xml' }

export async function servePage(request, response) {
  const { pathname } = new URL(request.url, 'http://fake')
  if (pathname === '/') {
    response.writeHead(307, { Location: '/demo' }).end()
    return true
  }
  const page = /^\/(demo|console)$/.exec(pathname)
  const asset = /^\/assets\/[\w.-]+\.(js|css|svg)$/.exec(pathname)
  if (!page && !asset) return false
  const name = page ? `${page[1]}.html` : pathname.slice(1)
  let bytes
  try {
    bytes = await readFile(fileURLToPath(new URL(name, dist)))
  } catch {
    response.writeHead(404, { 'Content-Type': 'text/plain' }).end(`no ${name}: run \`npm run build\` first\n`)
    return true
  }
  response.writeHead(200, {
    'Content-Type': page ? 'text/html; charset=utf-8' : KINDS[asset[1]],
    'X-Content-Type-Options': 'nosniff',
    ...(page && { 'Content-Security-Policy': POLICY, 'Cache-Control': 'no-cache' }),
  })
  response.end(bytes)
  return true
}
