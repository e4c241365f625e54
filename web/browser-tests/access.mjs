import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

import { startTail } from './console.mjs'
import { ownRow, publish, until } from './pages.mjs'

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds, in lines. The script is given by the debugger: the page's own policy would not take it. */
async function violations(page) {
  await page.evaluate(axe)
  const results = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  assert.ok(results.passes.length > 10, 'axe has looked at the page')
  const place = (node) => `${node.target.join(' ')} (${node.failureSummary})`
  return results.violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(place).join('; ')}`)
}

async function dashboard({ pages, url }) {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [360, 1600]) {
      const page = await pages.open('/demo', { colorScheme, width })
      await page.locator('.chart canvas').first().waitFor()
      await publish(url, 'system.status.changed', { at: Date.now(), component: 'a', state: 'degraded', cause: 'x' })
      await publish(url, 'system.status.changed', { at: Date.now(), component: 'b', state: 'down' })
      await page.locator('.hostbar__components').getByText('b down').waitFor()
      assert.deepEqual(await violations(page), [])
      await page.getByRole('button', { name: 'Cut for 10 s' }).click()
      await page.locator('[data-link-state="reconnecting"], [data-link-state="degraded"]').first().waitFor()
      assert.deepEqual(await violations(page), [])
      await publish(url, 'system.status.changed', { at: Date.now(), component: 'b', state: 'up' })
      await page.close()
    }
  }
}

async function theConsole({ pages, url }) {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [360, 1600]) {
      const page = await pages.open('/console', { colorScheme, width })
      assert.deepEqual(await violations(page), [])
      await startTail(page, 'access.>')
      await until('the tail has rows', async () => {
        await publish(url, 'access.test', { words: 'hello' })
        return (await page.locator('.tail__row').count()) > 2
      })
      await page.locator('.tail__row').first().click()
      await ownRow(page).click()
      await page.getByLabel('Subscriptions', { exact: true }).waitFor()
      assert.deepEqual(await violations(page), [])
      await page.getByRole('button', { name: 'Close this session…' }).click()
      await page.getByRole('dialog').waitFor()
      assert.deepEqual(await violations(page), [])
      await page.close()
    }
  }
}

export const access = [
  { name: 'access: axe finds nothing on the dashboard', run: dashboard },
  { name: 'access: axe finds nothing on the console', run: theConsole },
]
