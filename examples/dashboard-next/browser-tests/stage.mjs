// A router, this program, a browser, and the wires between them.
import { mkdtempSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { ownPort, startNext, useRouter } from './programs.mjs'
import { startRelay } from './relay.mjs'
import { until } from './until.mjs'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** What this program calls itself at the router. */
const CLIENT = 'dashboard-next'

/** `command` is `start` or `dev`. */
export async function setStage(command) {
  const stops = []
  const keep = (thing, stop) => (stops.unshift(stop), thing)
  const strike = async () => {
    for (const stop of stops.splice(0)) await stop()
  }
  try {
    const port = await ownPort()
    const origin = `http://127.0.0.1:${port}`
    const router = await useRouter(origin)
    keep(router, () => router.stop())
    const { host } = new URL(router.url)
    const link = await startRelay(host)
    keep(link, () => link.close())
    const api = await startRelay(host)
    keep(api, () => api.close())
    const env = { POINTSMAN_WS_URL: `ws://${link.address}/v1/ws`, POINTSMAN_HTTP_URL: `http://${api.address}`, POINTSMAN_API_TOKEN: router.token }
    const next = await startNext(command, port, env)
    keep(next, () => next.stop())
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: FLAGS })
    keep(browser, () => browser.close())
    return { origin, router: apiOf(router), link, api, next, browser, token: router.token, shots: mkdtempSync(join(tmpdir(), 'dashboard-next-')), strike }
  } catch (error) {
    await strike()
    throw error
  }
}

function apiOf({ url, token }) {
  const ask = async (path, method = 'GET') => {
    const response = await fetch(new URL(path, url), { method, headers: token ? { authorization: `Bearer ${token}` } : {} })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response.status === 204 ? undefined : response.json()
  }
  return {
    status: () => ask('/v1/status'),
    /** Sessions of this program, those without a link too. */
    async sessions() {
      const { connections } = await ask('/v1/connections?limit=1000')
      return connections.filter(({ name }) => name === CLIENT)
    },
    end: (session) => ask(`/v1/connections/${session}`, 'DELETE'),
  }
}

/** A page that remembers what went wrong, what it has loaded and which links it has opened. */
export async function openPage(stage, path, options = {}) {
  const context = await stage.browser.newContext({ viewport: { width: 1180, height: 860 }, ...options })
  const page = await context.newPage()
  const seen = { errors: [], links: [], bodies: [] }
  page.on('pageerror', (error) => seen.errors.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') seen.errors.push(message.text())
  })
  page.on('websocket', (socket) => {
    if (socket.url().includes(stage.link.address)) seen.links.push(socket)
  })
  page.on('response', (response) => {
    // A body that is gone because the page was left has been seen by nobody.
    seen.bodies.push(response.text().catch(() => ''))
  })
  await page.addInitScript(() => {
    window.jumps = []
    new PerformanceObserver((list) => {
      for (const { value, sources } of list.getEntries()) {
        const moved = sources.map(({ node, previousRect: was, currentRect: is }) => `${node?.parentElement?.outerHTML ?? node} from ${JSON.stringify(was)} to ${JSON.stringify(is)}`)
        window.jumps.push(`${value}: ${moved.join('; ')}`)
      }
    }).observe({ type: 'layout-shift', buffered: true })
  })
  await page.goto(stage.origin + path)
  return { page, seen }
}

/**
 * Leaves every page as people do, so that no test finds the session of another. A context that is closed outright cuts its links, and the
 * router keeps their sessions for a while.
 */
export async function leavePages(stage) {
  stage.link.release()
  stage.api.release()
  for (const context of stage.browser.contexts()) {
    for (const page of context.pages()) await page.goto('about:blank')
    await context.close()
  }
  await until('no session is left', async () => (await stage.router.sessions()).length === 0)
}

/** Waits for the badge. */
export async function waitForState(page, state) {
  await page.locator(`.badge[data-state="${state}"]`).waitFor({ timeout: 60_000 })
}

/** Waits until a figure has shown so many different digits. */
export async function waitForChanges(page, name, changes) {
  const shown = new Set()
  await until(`${name} changes ${changes} times`, async () => {
    shown.add(await page.locator(`[data-figure="${name}"]`).innerText())
    return shown.size > changes
  })
}

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds against the page as it is, in a line each. */
export async function accessibilityProblems(page) {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => window.axe.run(document))
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}
