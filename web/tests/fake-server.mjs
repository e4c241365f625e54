// A server that speaks enough of docs/protocol.md and docs/http.md for the pages, without the Rust build. What it lacks: queue groups,
// postcard, limits. As a program: `node tests/fake-server.mjs [port]`. Control for tests: POST /fake/gap, /fake/status, /fake/metrics.
import { createServer } from 'node:http'
import { pathToFileURL } from 'node:url'

import { WebSocketServer } from 'ws'

import { api } from './fake/api.mjs'
import { startMetrics } from './fake/metrics.mjs'
import { servePage } from './fake/pages.mjs'
import { Router } from './fake/router.mjs'
import { attendLink } from './fake/session.mjs'

const SUBPROTOCOL = 'pointsman.v1.json'

/** Starts on 127.0.0.1; port 0 takes a free one. `apiToken`, `linkToken`: what the API and the links must show. */
export async function startFakeServer({ port = 0, apiToken, linkToken, metricsEveryMs = 1000, keepMs = 30_000 } = {}) {
  const router = new Router({ keepMs })
  const metrics = startMetrics(router, metricsEveryMs)
  const server = createServer((request, response) => {
    Promise.resolve(servePage(request, response))
      .then((served) => served || api({ request, response, router, metrics, apiToken }))
      .catch((error) => {
        response.writeHead(500, { 'Content-Type': 'text/plain' }).end(String(error))
      })
  })
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  })
  server.on('upgrade', (request, socket, head) => {
    const offered = String(request.headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/)
    if (new URL(request.url, 'http://fake').pathname !== '/v1/ws' || !offered.includes(SUBPROTOCOL)) {
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, (link) => attendLink(link, router, request, linkToken))
  })
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    router,
    async close() {
      metrics.stop()
      router.end()
      for (const link of sockets.clients) link.terminate()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { url } = await startFakeServer({ port: Number(process.argv[2] ?? 7422), apiToken: process.env.FAKE_API_TOKEN })
  console.log(`${url}/demo and ${url}/console`)
}
