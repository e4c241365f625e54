// `next dev`: StrictMode takes every component away once and puts it back.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openPage, setStage, waitForChanges, waitForState } from './stage.mjs'
import { until } from './until.mjs'

describe('the dashboard in StrictMode', () => {
  let stage
  before(async () => {
    stage = await setStage('dev')
  })
  after(() => stage?.strike())

  it('opens one link, and closes it', async () => {
    const { page, seen } = await openPage(stage, '/')
    await waitForState(page, 'connected')
    await waitForChanges(page, 'messages_received_total', 2)
    await page.getByRole('link', { name: 'Activity' }).click()
    await page.getByRole('heading', { level: 1, name: 'Activity' }).waitFor({ timeout: 60_000 })
    await page.getByRole('button', { name: 'Wave' }).click()
    await page.getByText('press Wave').waitFor()
    assert.equal(seen.links.length, 1)
    assert.equal(stage.link.count, 1)
    assert.equal((await stage.router.sessions()).length, 1)
    await page.getByRole('link', { name: 'About' }).click()
    await page.getByRole('heading', { level: 1, name: 'About' }).waitFor({ timeout: 60_000 })
    await until('the link is closed', () => stage.link.count === 0)
    await until('the session is gone', async () => (await stage.router.sessions()).length === 0)
    assert.deepEqual(seen.errors, [])
  })
})
