// The dashboard while its server is killed, stays away and comes back. Starts servers of its own: POINTSMAN_BIN names the binary.
// POINTSMAN_TEST_ABSENCE_S is how long it stays away (8 s; five minutes are 300). POINTSMAN_TEST_SHOTS names a folder for pictures.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { launch } from './browser.mjs'
import { Pages, until } from './pages.mjs'

const binary = process.env.POINTSMAN_BIN
assert.ok(binary, 'POINTSMAN_BIN names the binary of the server')
const absence = 1000 * Number(process.env.POINTSMAN_TEST_ABSENCE_S ?? 8)
const shots = process.env.POINTSMAN_TEST_SHOTS
if (shots) await mkdir(shots, { recursive: true })

/** What the server must not take for its own settings. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('POINTSMAN_')))

/** A server on `listen`, once it is ready. */
function start(listen) {
  const child = spawn(binary, ['dev', '--listen', listen, '--set', "nats.listen=''"], { env: environment, stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)))
  const ready = new Promise((resolve, reject) => {
    ended.then((how) => reject(new Error(`the server ended: ${how}`)))
    createInterface({ input: child.stderr }).on('line', (line) => {
      const { message, address } = JSON.parse(line)
      if (message === 'ready') resolve(address)
    })
  })
  return { child, ended, ready }
}

const state = (page) => page.locator('[data-link-state]').first().getAttribute('data-link-state')
const picture = async (page, name) => shots && page.screenshot({ path: join(shots, `${name}.png`) })

const browser = await launch()
let server = start('127.0.0.1:0')
try {
  const address = await server.ready
  // That a server is away is what the page is there to bear: the browser says so for every attempt.
  const pages = new Pages(browser, `http://${address}`)
  const page = await pages.open('/demo', { allow: [/ERR_CONNECTION_REFUSED/, /WebSocket connection to .* failed/] })
  await page.locator('.chart canvas').first().waitFor()

  server.child.kill('SIGKILL')
  await server.ended
  const killed = performance.now()
  await until('the page is trying again', async () => ['reconnecting', 'degraded'].includes(await state(page)))
  await until('it is degraded after the fifth failure', async () => (await state(page)) === 'degraded')
  console.log(`degraded after ${((performance.now() - killed) / 1000).toFixed(1)} s`)
  await picture(page, 'degraded')
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, absence - (performance.now() - killed))))
  assert.equal(await state(page), 'degraded', 'it goes on trying, and says so')

  server = start(address)
  await server.ready
  const back = performance.now()
  await until('it is back by itself', async () => (await state(page)) === 'connected', 90_000)
  console.log(`connected ${((performance.now() - back) / 1000).toFixed(1)} s after the server was back`)
  await until('it says that it may have missed something', async () => /missed|lost|gap/i.test(await page.locator('main').innerText()))
  await until('figures move again', async () => {
    const text = () => page.locator('main').innerText()
    const before = await text()
    await new Promise((resolve) => setTimeout(resolve, 1500))
    return (await text()) !== before
  })
  await picture(page, 'back')
  pages.assertQuiet()
  await pages.close()
  server.child.kill('SIGTERM')
  assert.equal(await server.ended, 0)
  console.log('1 passed, 0 failed')
} finally {
  server.child.kill('SIGKILL')
  await browser.close()
}
