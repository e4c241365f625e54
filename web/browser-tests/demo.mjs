import assert from 'node:assert/strict'

import { startFakeServer } from '../tests/fake-server.mjs'
import { connected, figure, number, publish, until } from './pages.mjs'

const events = (page) => page.locator('.events__words')
const told = (page, words) => events(page).filter({ hasText: words }).first().waitFor()
const picture = (page) => page.locator('.chart canvas').first().evaluate((canvas) => canvas.toDataURL())

async function figuresMove({ pages }) {
  const page = await pages.open('/demo')
  await page.locator('.chart canvas').nth(3).waitFor()
  const before = await picture(page)
  await until('the chart has moved on', async () => (await picture(page)) !== before)
  await until('messages reach the page', async () => (await number(figure(page, 'To this page'))) > 0.5)
  await until('the latency is measured', async () => (await number(figure(page, 'Publish to screen'))) > 0)
  await until('the rate of the router is known', async () => (await number(figure(page, 'Router, in'))) > 0)
  assert.ok((await number(figure(page, 'Connections'))) >= 1)
  for (const name of ['CPU', 'Memory', 'Network', 'Disk']) {
    const values = await page.getByRole('region', { name, exact: true }).locator('.legend__value').allInnerTexts()
    for (const value of values) assert.match(value, /^[\d.]+ (%|B|[KMGT]iB|B\/s|[KMGT]iB\/s)$/, `${name}: ${value}`)
  }
}

async function windowChanges({ pages }) {
  const page = await pages.open('/demo')
  await page.getByRole('radio', { name: '5 min' }).check()
  await page.getByRole('img', { name: /CPU, the last 5 minutes/ }).waitFor()
}

async function cutAndBack({ pages }) {
  const page = await pages.open('/demo')
  const session = () => page.locator('.link-panel dd.mono').getAttribute('title')
  const before = await session()
  await page.locator('.chart canvas').first().waitFor()
  await page.getByRole('button', { name: 'Cut for 10 s' }).click()
  await page.locator('[data-link-state="reconnecting"], [data-link-state="degraded"]').first().waitFor()
  await told(page, 'The link was lost; trying again.')
  await until('attempts are counted', async () => /^[1-9]\d* since/.test(await page.getByTestId('attempts').innerText()))
  assert.ok(await page.getByRole('button', { name: 'Cut the link' }).isDisabled())
  await page.getByRole('button', { name: 'Connect now' }).click()
  await connected(page)
  await told(page, /^Back after .*, same session: .* nothing missed\.$/)
  assert.equal(await session(), before)
}

async function cutOnce({ pages }) {
  const page = await pages.open('/demo')
  await page.locator('.chart canvas').first().waitFor()
  await page.getByRole('button', { name: 'Cut the link' }).click()
  await told(page, 'The link was lost; trying again.')
  await told(page, /^Back after .*, same session/)
  await connected(page)
}

async function cutEndsByItself({ pages }) {
  const page = await pages.open('/demo')
  await page.getByRole('button', { name: 'Cut for 10 s' }).click()
  await page.getByRole('button', { name: /Cut: \d+ s left/ }).waitFor()
  await told(page, /^Back after .*, same session/)
  await connected(page)
  await page.getByRole('button', { name: 'Cut for 10 s' }).waitFor()
}

async function gapTold({ pages, url }) {
  const page = await pages.open('/demo')
  await page.locator('.chart canvas').first().waitFor()
  const gap = { pattern: 'metrics.updated', lost: 12, reason: 'slow_consumer' }
  await fetch(`${url}/fake/gap`, { method: 'POST', body: JSON.stringify(gap) })
  await told(page, 'metrics.updated: missed 12 messages: this page read too slowly.')
  await page.locator('.link-panel .facts').getByText('1', { exact: true }).waitFor()
}

async function notesSeen({ pages, url }) {
  const [one, two] = [await pages.open('/demo'), await pages.open('/demo')]
  await until('both pages are subscribed', async () => {
    await publish(url, 'user.interaction', { at: Date.now(), action: 'note', target: `test.${Date.now() % 1e6}`, value: 'ready?', user: 'the test' })
    return (await one.getByText('ready?').count()) > 0 && (await two.getByText('ready?').count()) > 0
  })
  const name = (await two.locator('.notes-panel .panel__note').innerText()).replace('this page is ', '')
  await one.getByLabel('Note to all open dashboards').fill('hello, you')
  await one.getByRole('button', { name: 'Publish' }).click()
  await two.locator('.notes__note', { hasText: 'hello, you' }).waitFor()
  await one.getByText(new RegExp(`^Seen by 1 other page: ${name}\\.$`)).waitFor()
}

async function statusAndHosts({ pages, url }) {
  const page = await pages.open('/demo')
  await page.locator('.chart canvas').first().waitFor()
  await publish(url, 'system.status.changed', { at: Date.now(), component: 'store', state: 'down', cause: 'the disk is full' })
  await told(page, 'store is down: the disk is full.')
  await page.locator('.hostbar__components').getByText('store down').waitFor()
  await publish(url, 'metrics.updated', { at: Date.now(), host: 'second-host', cpu: { total: 0.42, cores: [0.42] } })
  await page.getByLabel('Host').selectOption('second-host')
  await page.getByRole('img', { name: /Now 42 %/ }).waitFor()
}

async function nonsenseIsLeftOut({ pages, url }) {
  const page = await pages.open('/demo')
  await page.locator('.chart canvas').first().waitFor()
  for (const data of [null, 'x', [], { at: 'x' }, { at: 1, host: 5 }, { at: Date.now(), host: '<img src=x onerror=alert(1)>', cpu: 7, disks: [null] }]) {
    await publish(url, 'metrics.updated', data)
    await publish(url, 'user.interaction', data)
    await publish(url, 'system.status.changed', data)
  }
  await publish(url, 'system.status.changed', { component: 'marker', state: 'up' })
  await told(page, 'marker is up.')
  const before = await picture(page)
  await until('the page goes on', async () => (await picture(page)) !== before)
}

async function linkToken({ pages }) {
  const closed = await startFakeServer({ linkToken: 'secret' })
  try {
    for (const path of ['/demo', '/console']) {
      const page = await pages.open(path, { base: closed.url, ready: path === '/console' })
      if (path === '/console') await page.getByRole('button', { name: 'Start' }).click()
      await page.locator('[data-link-state="failed"]').waitFor()
      for (const token of ['wrong', 'secret']) {
        await page.getByLabel('Token of the link').fill(token)
        await page.getByRole('button', { name: 'Connect', exact: true }).click()
        if (token === 'secret') await connected(page)
        else await page.locator('[data-link-state="failed"]').waitFor()
      }
      await page.reload()
      if (path === '/console') await page.getByRole('button', { name: 'Start' }).click()
      await connected(page)
    }
  } finally {
    await closed.close()
  }
}

async function nothingPublished({ pages, fake, url }) {
  const pause = (paused) => fetch(`${url}/fake/metrics`, { method: 'POST', body: JSON.stringify({ paused }) })
  await pause(true)
  try {
    const page = await pages.open('/demo')
    await page.getByText('Nothing came on').waitFor()
    await pause(false)
    await page.locator('.chart canvas').first().waitFor()
  } finally {
    await pause(false)
  }
  assert.ok(fake)
}

async function staysInPlace({ pages }) {
  const page = await pages.open('/demo', { width: 1600, height: 1000, ready: false })
  await page.evaluate(() => {
    window.shifted = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value
    }).observe({ type: 'layout-shift', buffered: true })
  })
  await until('figures have come', async () => (await number(figure(page, 'Router, in'))) > 0)
  await until('the latency is measured', async () => (await number(figure(page, 'Publish to screen'))) > 0)
  const shifted = await page.evaluate(() => window.shifted)
  assert.ok(shifted < 0.01, `the layout shifted by ${shifted}`)
}

export const demo = [
  { name: 'demo: figures move', run: figuresMove },
  { name: 'demo: the window can be changed', run: windowChanges },
  { name: 'demo: a link that is kept cut is told, and comes back with the same session', run: cutAndBack },
  { name: 'demo: a link that is cut once comes back by itself', run: cutOnce },
  { name: 'demo: a cut ends by itself', run: cutEndsByItself },
  { name: 'demo: a gap is told in words', run: gapTold, needsFake: true },
  { name: 'demo: another page sees what is published', run: notesSeen },
  { name: 'demo: states of components and other hosts are shown', run: statusAndHosts },
  { name: 'demo: nonsense on its subjects does no harm', run: nonsenseIsLeftOut },
  { name: 'demo: a server that wants a token is given one', run: linkToken, needsFake: true },
  { name: 'demo: works where nothing is published', run: nothingPublished, needsFake: true },
  { name: 'demo: nothing jumps while figures come', run: staysInPlace },
]
