// The router and this program as processes, ended by their own ids.
import { spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from './until.mjs'

const HERE = dirname(dirname(fileURLToPath(import.meta.url)))
const ROUTER = process.env.POINTSMAN_BIN ?? join(HERE, '../../target/debug/pointsman')
const LOG_LENGTH_MAX = 100_000

/** Where this program will listen: POINTSMAN_TEST_PORT, or a port that was free a moment ago. */
export async function ownPort() {
  if (process.env.POINTSMAN_TEST_PORT) return Number(process.env.POINTSMAN_TEST_PORT)
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/**
 * The router at POINTSMAN_TEST_URL, whose API takes POINTSMAN_TEST_API_TOKEN or everybody. Or one of its own: `pointsman dev` that lets pages of
 * `origin` in, and nobody without a token to its API.
 */
export async function useRouter(origin) {
  const given = process.env.POINTSMAN_TEST_URL
  if (given) {
    await checkOrigin(given, origin)
    return { url: given, token: process.env.POINTSMAN_TEST_API_TOKEN ?? '', stop: async () => {} }
  }
  if (!existsSync(ROUTER)) {
    throw new Error(`There is no router at ${ROUTER}. Build it with: cargo build -p pointsman. Or set POINTSMAN_TEST_URL to a running one that allows ${origin}.`)
  }
  const token = randomUUID()
  const settings = [`websocket.allowed_origins=["same","${origin}"]`, 'api.anonymous=false'].flatMap((setting) => ['--set', setting])
  const router = start(ROUTER, ['dev', '--listen', '127.0.0.1:0', ...settings], { ...withoutSettings(process.env), POINTSMAN_API__TOKEN: token })
  const address = await router.says(/"message":"ready","address":"([^"]+)"/)
  return { url: `http://${address}`, token, stop: router.stop }
}

/** Says what to set, instead of letting every page fail to connect. */
async function checkOrigin(url, origin) {
  const headers = {
    origin,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
    'sec-websocket-protocol': 'pointsman.v1.json',
  }
  const status = await new Promise((resolve, reject) => {
    get(new URL('/v1/ws', url), { headers })
      .on('upgrade', (response, socket) => {
        socket.destroy()
        resolve(response.statusCode)
      })
      .on('response', (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      .on('error', reject)
  })
  if (status === 101) return
  throw new Error(
    `The router at ${url} answers ${status} to pages of ${origin}. Set POINTSMAN_TEST_PORT, and start the router with: ` +
      `--set 'websocket.allowed_origins=["same","http://127.0.0.1:<that port>"]'`,
  )
}

/** To the router, every POINTSMAN_ in the environment is a setting, and those of these tests and of this program are none it knows. */
function withoutSettings(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('POINTSMAN_')))
}

/** `next start` or `next dev` on a port. */
export async function startNext(command, port, env) {
  const next = start(process.execPath, ['scripts/next.mjs', command, '-H', '127.0.0.1', '-p', String(port)], { ...process.env, ...env })
  await next.says(/Ready in/)
  return next
}

function start(program, args, env) {
  // A group of its own: `next dev` works in a child.
  const child = spawn(program, args, { cwd: HERE, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let log = ''
  let ended = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      log = (log + text).slice(-LOG_LENGTH_MAX)
    })
  }
  child.on('error', (error) => (ended = error.message))
  child.on('exit', (code, signal) => (ended ||= `it ended with ${code ?? signal}`))
  return {
    /** What it has written, the last of it. */
    log: () => log,
    async says(pattern) {
      const found = await until(`${program} ${args.join(' ')} says ${pattern}`, () => {
        if (ended) throw new Error(`${program} ${args.join(' ')}: ${ended}\n${log}`)
        return pattern.exec(log)
      })
      return found[1]
    },
    async stop() {
      if (ended) return
      process.kill(-child.pid, 'SIGTERM')
      await until(`${program} ends`, () => ended)
    },
  }
}
