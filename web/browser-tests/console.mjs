import assert from 'node:assert/strict'

import { startFakeServer } from '../tests/fake-server.mjs'
import { connected, figure, number, publish, until } from './pages.mjs'

export async function startTail(page, pattern) {
  await page.getByLabel('Pattern').fill(pattern)
  await page.getByRole('button', { name: 'Start' }).click()
  await connected(page)
}

/** Publishes until the tail shows it: a subscription takes a moment. */
async function seenInTail(page, url, subject, data) {
  const row = page.locator('.tail__row', { hasText: subject })
  await until(`the tail shows ${subject}`, async () => {
    await publish(url, subject, data)
    return (await row.count()) > 0
  })
  return row.first()
}

async function overview({ pages }) {
  await pages.open('/demo')
  const page = await pages.open('/console')
  await page.getByText('Ready', { exact: true }).waitFor()
  await until('messages are counted', async () => (await number(figure(page, 'Messages out'))) > 0)
  assert.ok((await number(figure(page, 'Connections'))) >= 1)
}

async function tail({ pages, url }) {
  const page = await pages.open('/console')
  await startTail(page, 'tail.>')
  const row = await seenInTail(page, url, 'tail.test.one', { words: 'hello', list: [1, 2] })
  await row.click()
  assert.deepEqual(JSON.parse(await page.getByLabel('Body', { exact: true }).innerText()), { words: 'hello', list: [1, 2] })

  await page.getByRole('button', { name: 'Pause' }).click()
  const rows = await page.locator('.tail__row').count()
  await publish(url, 'tail.test.two', 2)
  await page.getByText(/1 passed while paused/).waitFor()
  assert.equal(await page.locator('.tail__row').count(), rows)
  await page.getByRole('button', { name: 'Go on' }).click()
  await seenInTail(page, url, 'tail.test.three', 3)

  await page.getByRole('button', { name: 'Clear' }).click()
  await page.getByText('Nothing has passed yet.').waitFor()
  await page.getByRole('button', { name: 'Stop' }).click()
  await page.getByText(/Start to see messages/).waitFor()
}

async function tailIsBounded({ pages, url }) {
  const page = await pages.open('/console')
  await page.getByLabel('At most').selectOption('10')
  const height = () => page.locator('.tail').evaluate((list) => list.getBoundingClientRect().height)
  const before = await height()
  await startTail(page, 'flood.>')
  await seenInTail(page, url, 'flood.begin', 0)
  for (let sent = 0; sent < 60; sent += 1) await publish(url, 'flood.more', sent)
  await page.getByText(/\d+ over the cap/).waitFor()
  await until('there are more rows than fit', async () => {
    await publish(url, 'flood.more', 0)
    return page.locator('.tail').evaluate((list) => list.scrollHeight > list.clientHeight + 50)
  })
  assert.equal(await height(), before)
}

async function patternIsChecked({ pages }) {
  const page = await pages.open('/console')
  await page.getByLabel('Pattern').fill('a..b')
  await page.getByText(/Between two dots/).waitFor()
  assert.ok(await page.getByRole('button', { name: 'Start' }).isDisabled())
}

async function gapInTail({ pages, url }) {
  const page = await pages.open('/console')
  await startTail(page, 'gap.>')
  await seenInTail(page, url, 'gap.before', 1)
  const gap = { pattern: 'gap.>', lost: 7, reason: 'resend_overflow' }
  await fetch(`${url}/fake/gap`, { method: 'POST', body: JSON.stringify(gap) })
  await page.locator('.tail__gap', { hasText: 'missed 7 messages' }).waitFor()
}

async function publishForm({ pages }) {
  const page = await pages.open('/console')
  await startTail(page, 'form.>')
  await page.getByLabel('Subject', { exact: true }).fill('form.test')
  await page.getByLabel(/^Body, sent as/).fill('{"n": 1}')
  await page.getByLabel(/^Headers/).fill('trace: abc')
  const snippet = page.getByLabel('Snippet', { exact: true })
  assert.match(await snippet.innerText(), /curl -X POST .*\/v1\/publish[^]*"subject":"form\.test"/)
  await page.getByRole('radio', { name: 'SDK' }).check()
  assert.match(await snippet.innerText(), /events\.publish\("form\.test"/)
  const row = page.locator('.tail__row', { hasText: 'form.test' })
  await until('what the form published is in the tail', async () => {
    await page.getByRole('button', { name: 'Publish' }).click()
    await page.getByText(/^Accepted at .* to form\.test\.$/).waitFor()
    return (await row.count()) > 0
  })
  await row.first().click()
  await page.locator('.detail__headers', { hasText: 'trace' }).getByText('abc').waitFor()
}

async function publishRefused({ pages }) {
  const page = await pages.open('/console', { allow: [/status of 4\d\d/] })
  await page.getByLabel('Subject', { exact: true }).fill('refused.test')
  await page.getByLabel('User (only to this one)').fill('two.words here')
  await page.getByRole('button', { name: 'Publish' }).click()
  const problem = page.getByRole('alert').filter({ hasText: /\(4\d\d\)/ })
  await problem.waitFor()
  // What happened, and what to do about it.
  assert.equal(await problem.locator('p').count(), 2)
}

async function kick({ pages }) {
  const dashboard = await pages.open('/demo')
  const name = (await dashboard.locator('.notes-panel .panel__note').innerText()).replace('this page is ', 'dashboard ')
  const page = await pages.open('/console')
  const row = page.locator('tbody tr', { hasText: name })
  await row.getByRole('button').click()
  await page.getByLabel('Subscriptions', { exact: true }).getByText('metrics.updated').waitFor()

  await page.getByRole('button', { name: 'Close this session…' }).click()
  await page.getByRole('button', { name: 'Keep it' }).click()
  await connected(dashboard)
  await page.getByRole('button', { name: 'Close this session…' }).click()
  await page.getByRole('button', { name: 'Close the session', exact: true }).click()
  await page.getByText(/^Closed\. Its client was told/).waitFor()
  await dashboard.locator('[data-link-state="failed"]').waitFor()
  await until('the session left the table', async () => (await row.count()) === 0)
  await dashboard.getByRole('button', { name: 'Connect now' }).click()
  await connected(dashboard)
}

async function manyConnections({ pages, fake, url }) {
  const sockets = await Promise.all(
    Array.from({ length: 55 }, async (_, at) => {
      const { WebSocket } = await import('ws')
      const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws`, 'pointsman.v1.json')
      await new Promise((resolve) => socket.once('open', resolve))
      socket.send(JSON.stringify({ op: 'connect', version: 1, name: `crowd ${at}` }))
      await new Promise((resolve) => socket.once('message', resolve))
      return socket
    }),
  )
  try {
    const page = await pages.open('/console')
    await until('the first page is full', async () => (await page.locator('tbody tr').count()) === 50)
    await page.getByRole('button', { name: 'Next' }).click()
    await page.getByText('page 2').waitFor()
    await until('the second page has the rest', async () => {
      const rows = await page.locator('tbody tr').count()
      return rows >= 5 && rows < 50
    })
    await page.getByRole('button', { name: 'Back' }).click()
    await page.getByText('page 1').waitFor()
  } finally {
    for (const socket of sockets) socket.close(1000)
  }
  assert.ok(fake === undefined || fake.url === url)
}

async function token({ pages }) {
  const closed = await startFakeServer({ apiToken: 'secret' })
  try {
    const page = await pages.open('/console', { base: closed.url, ready: false, allow: [/status of 401/] })
    await page.getByText('This API needs a token').waitFor()
    await page.getByLabel('API token').fill('wrong')
    await page.getByRole('button', { name: 'Use it' }).click()
    await page.getByText('the token is not the one of this API').waitFor()
    await page.getByLabel('API token').fill('secret')
    await page.getByRole('button', { name: 'Use it' }).click()
    await page.locator('.nodeline b').first().waitFor()
    await page.reload()
    await page.locator('.nodeline b').first().waitFor()
    assert.match(await page.getByLabel('Snippet', { exact: true }).innerText(), /Bearer \$POINTSMAN_API_TOKEN/)
    await page.getByRole('button', { name: 'Forget the token' }).click()
    await page.getByText('This API needs a token').waitFor()
  } finally {
    await closed.close()
  }
}

async function serverGone({ pages }) {
  const server = await startFakeServer()
  const port = Number(new URL(server.url).port)
  const page = await pages.open('/console', { base: server.url, allow: [/Failed to load resource/, /WebSocket connection/] })
  await server.close()
  await page.getByText('Not answering').waitFor()
  await page.getByText(/this page goes on trying by itself/).first().waitFor()
  const again = await startFakeServer({ port })
  try {
    await page.getByText('Ready', { exact: true }).waitFor()
  } finally {
    await again.close()
  }
}

export const consolePage = [
  { name: 'console: the overview counts', run: overview },
  { name: 'console: the tail shows a published message, pauses and stops', run: tail },
  { name: 'console: the tail is bounded', run: tailIsBounded },
  { name: 'console: a wrong pattern is told before it is sent', run: patternIsChecked },
  { name: 'console: a gap stands in the tail', run: gapInTail, needsFake: true },
  { name: 'console: the form publishes what it shows', run: publishForm },
  { name: 'console: a refusal comes with its next step', run: publishRefused },
  { name: 'console: a session is closed after asking', run: kick },
  { name: 'console: connections are paged', run: manyConnections },
  { name: 'console: a closed API asks for its token', run: token, needsFake: true },
  { name: 'console: a server that is away is told, and found again', run: serverGone, needsFake: true },
]
