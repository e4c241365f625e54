import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { POST } from '@/app/api/announce/route'
import { routerStatus } from '@/lib/router'

interface Asked {
  path: string | undefined
  headers: IncomingHttpHeaders
  body: string
}

let server: Server | undefined
let asked: Asked[] = []

/** A server in the place of the router. */
async function answerWith(status: number, body: string): Promise<void> {
  const listener: RequestListener = async (request, response) => {
    let text = ''
    for await (const part of request) text += String(part)
    asked.push({ path: request.url, headers: request.headers, body: text })
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  }
  server = createServer(listener)
  await new Promise<void>((listening) => server?.listen(0, '127.0.0.1', listening))
  vi.stubEnv('POINTSMAN_HTTP_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
}

beforeEach(() => {
  asked = []
  vi.stubEnv('POINTSMAN_API_TOKEN', 'secret-of-the-server')
})

afterEach(async () => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  server?.closeAllConnections()
  await new Promise<unknown>((closed) => (server ? server.close(closed) : closed(undefined)))
  server = undefined
})

const announce = (body: string, headers: Record<string, string> = {}) =>
  POST(new Request('http://dashboard.test/api/announce', { method: 'POST', body, headers }))

it('publishes with the token of the server', async () => {
  await answerWith(200, '{"accepted":1,"results":[]}')
  const response = await announce('{"text":"  Doors open  "}')
  expect(response.status).toBe(200)
  expect(asked).toHaveLength(1)
  expect(asked[0]?.path).toBe('/v1/publish')
  expect(asked[0]?.headers.authorization).toBe('Bearer secret-of-the-server')
  const body = JSON.parse(asked[0]?.body ?? '') as { subject: string; data: { at: number; text: string } }
  expect(body.subject).toBe('dashboard.announcement')
  expect(body.data.text).toBe('Doors open')
  expect(Math.abs(body.data.at - Date.now())).toBeLessThan(60_000)
})

it.each([
  ['no JSON', 'text', 422],
  ['null', 'null', 422],
  ['no text', '{}', 422],
  ['a text that is none', '{"text":5}', 422],
  ['an empty text', '{"text":"  "}', 422],
  ['a long text', JSON.stringify({ text: 'x'.repeat(201) }), 422],
  ['a large body', 'x'.repeat(4097), 413],
])('refuses %s without asking the router', async (_, body, status) => {
  await answerWith(200, '{}')
  const response = await announce(body)
  expect(response.status).toBe(status)
  expect(Object.keys((await response.json()) as object)).toEqual(['message', 'next'])
  expect(asked).toEqual([])
})

it('refuses what another site sends through a browser', async () => {
  await answerWith(200, '{}')
  expect((await announce('{"text":"x"}', { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
  expect((await announce('{"text":"x"}', { 'sec-fetch-site': 'same-origin' })).status).toBe(200)
})

it.each([
  [401, 502],
  [422, 502],
  [429, 503],
  [503, 503],
])('tells what the router says with %d as %d', async (from, to) => {
  await answerWith(from, '{"detail":"the reason","next_step":"Do this."}')
  const response = await announce('{"text":"x"}')
  expect(response.status).toBe(to)
  expect(await response.json()).toEqual({ message: 'The router refused: the reason', next: 'Do this.' })
})

it('tells that something else answers', async () => {
  await answerWith(404, '<html>')
  expect(await (await announce('{"text":"x"}')).json()).toMatchObject({ message: expect.stringContaining('not a Pointsman router') })
  expect((await routerStatus()).problem?.status).toBe(502)
})

it('tells that the router is down, without its address', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => {})
  await answerWith(200, '{}')
  await new Promise<unknown>((closed) => server?.close(closed))
  const { problem } = await routerStatus()
  expect(problem).toMatchObject({ status: 502, message: 'The router cannot be reached' })
  expect(log).toHaveBeenCalledOnce()
})

it('does not wait for a router that does not answer', async () => {
  server = createServer(() => {})
  await new Promise<void>((listening) => server?.listen(0, '127.0.0.1', listening))
  vi.stubEnv('POINTSMAN_HTTP_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  expect((await routerStatus()).problem).toMatchObject({ status: 504, message: 'The router did not answer within 1500 ms' })
})
