import assert from 'node:assert/strict'

import { connected, ownRow, publish, until } from './pages.mjs'

/** What has the focus, and whether one can see it. */
function focused(page) {
  return page.evaluate(() => {
    const on = document.activeElement
    const shown = on.closest('.segments label') ?? on
    const { outlineStyle, outlineWidth } = getComputedStyle(shown)
    const box = shown.getBoundingClientRect()
    return {
      name: on.getAttribute('aria-label') ?? on.labels?.[0]?.innerText ?? on.innerText ?? '',
      tag: on.tagName,
      role: on.getAttribute('role') ?? on.type ?? '',
      visible: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && box.width > 0 && box.height > 0,
    }
  })
}

/** Goes on by Tab until the focus is on what `wanted` says; each stop on the way must be visible. */
async function tabTo(page, wanted) {
  const passed = []
  for (let step = 0; step < 80; step += 1) {
    await page.keyboard.press('Tab')
    const now = await focused(page)
    if (now.tag === 'BODY') continue
    passed.push(now.name.slice(0, 30))
    assert.ok(now.visible, `the focus on ${JSON.stringify(now)} cannot be seen`)
    if (wanted(now)) return
  }
  throw new Error(`the Tab key does not get there; it stopped at ${passed.join(' | ')}`)
}

const named = (text) => (now) => now.name.startsWith(text)

async function dashboard({ pages }) {
  const page = await pages.open('/demo')
  await page.locator('.chart canvas').first().waitFor()
  await page.keyboard.press('Tab')
  assert.match((await focused(page)).name, /^Skip to the content/)
  await page.keyboard.press('Enter')
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'main')
  await tabTo(page, (now) => now.role === 'radio')
  await page.keyboard.press('ArrowRight')
  await page.getByRole('img', { name: /the last 5 minutes/ }).first().waitFor()
  await tabTo(page, named('Cut for 10 s'))
  await page.keyboard.press('Enter')
  await page.locator('[data-link-state="reconnecting"], [data-link-state="degraded"]').first().waitFor()
  await tabTo(page, named('Connect now'))
  await page.keyboard.press('Enter')
  await connected(page)
  await tabTo(page, named('Note to all'))
  await page.keyboard.type('by keys alone')
  await page.keyboard.press('Enter')
  await page.locator('.notes__note', { hasText: 'by keys alone' }).waitFor()
  await tabTo(page, named('Events'))
}

async function theConsole({ pages, url }) {
  const page = await pages.open('/console')
  await tabTo(page, named('Pattern'))
  await page.keyboard.press('Control+A')
  await page.keyboard.type('keys.>')
  await page.keyboard.press('Enter')
  await connected(page)
  await until('the tail shows a message', async () => {
    await publish(url, 'keys.test', { by: 'keys' })
    return (await page.locator('.tail__row').count()) > 0
  })
  await tabTo(page, named('Messages, newest first'))
  await page.keyboard.press('ArrowDown')
  await page.getByLabel('Body', { exact: true }).waitFor()
  assert.ok(await page.getByRole('listbox').getAttribute('aria-activedescendant'))

  const own = await ownRow(page).getByRole('button').innerText()
  await page.getByRole('region', { name: 'Table of connections' }).focus()
  await tabTo(page, (now) => now.tag === 'BUTTON' && now.name === own)
  await page.keyboard.press('Enter')
  await page.getByText(/subscriptions?$/).first().waitFor()
  await tabTo(page, named('Close this session'))
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  assert.match((await focused(page)).name, /^Keep it/)
  await page.keyboard.press('Escape')
  await until('the dialog is gone', async () => (await page.getByRole('dialog').count()) === 0)
  assert.match((await focused(page)).name, /^Close this session/)
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await tabTo(page, (now) => now.name === 'Close the session')
  await page.keyboard.press('Enter')
  await page.getByText(/^Closed\. Its client was told/).waitFor()
  await until('the focus is beside what became of it', async () => (await focused(page)).tag === 'H3')
  await tabTo(page, named('Subject'))
}

export const keyboard = [
  { name: 'keyboard: the dashboard', run: dashboard },
  { name: 'keyboard: the console', run: theConsole },
]
