// `next start`, in a browser, against a router.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { accessibilityProblems, leavePages, openPage, setStage, waitForChanges, waitForState } from './stage.mjs'
import { until } from './until.mjs'

describe('the dashboard', () => {
  let stage
  before(async () => {
    stage = await setStage('start')
  })
  afterEach(() => stage && leavePages(stage))
  after(() => stage?.strike())

  it('is rendered by the server, before any script', async () => {
    const { page } = await openPage(stage, '/', { javaScriptEnabled: false })
    const { node } = await stage.router.status()
    assert.equal(await page.locator('.facts dd').first().innerText(), node)
    assert.match(await page.locator('[data-figure="messages_received_total"]').innerText(), /^\d/)
    assert.equal(await page.locator('.badge').innerText(), 'Idle')
  })

  it('is rendered without the router', async () => {
    stage.api.hold()
    const { page } = await openPage(stage, '/', { javaScriptEnabled: false })
    assert.equal(await page.locator('.problem').innerText(), 'The router cannot be reached. Start it with: pointsman dev')
    assert.equal(await page.locator('[data-figure="connections"]').innerText(), '–')
    stage.api.release()
  })

  it('moves, without errors and without jumps', async () => {
    const { page, seen } = await openPage(stage, '/')
    await waitForState(page, 'connected')
    await waitForChanges(page, 'messages_received_total', 3)
    await until('the line has points', async () => Number(await page.locator('.line').getAttribute('data-points')) >= 4)
    assert.match(await page.locator('[data-figure="cpu"]').innerText(), /^\d+(\.\d)? %$/)
    assert.match(await page.locator('[data-figure="memory"]').innerText(), /^\d/)
    assert.deepEqual(seen.errors, [])
    assert.deepEqual(await page.evaluate(() => window.jumps), [])
  })

  it('keeps one link from page to page, and none outside of them', async () => {
    const { page, seen } = await openPage(stage, '/')
    await waitForState(page, 'connected')
    const [session, ...more] = await stage.router.sessions()
    assert.deepEqual(more, [])
    for (const title of ['Activity', 'Overview', 'Activity']) {
      await page.getByRole('link', { name: title }).click()
      await page.getByRole('heading', { level: 1, name: title }).waitFor()
    }
    await page.getByRole('link', { name: 'Overview' }).click()
    await waitForChanges(page, 'messages_received_total', 2)
    assert.equal(seen.links.length, 1)
    assert.equal(stage.link.count, 1)
    assert.deepEqual((await stage.router.sessions()).map((one) => one.session), [session.session])

    await page.getByRole('link', { name: 'About' }).click()
    await page.getByRole('heading', { level: 1, name: 'About' }).waitFor()
    await until('the link is closed', () => stage.link.count === 0)
    await until('the session is gone', async () => (await stage.router.sessions()).length === 0)
    await page.getByRole('link', { name: 'Overview' }).click()
    await waitForState(page, 'connected')
    await waitForChanges(page, 'messages_received_total', 2)
    assert.equal(stage.link.count, 1)
    assert.equal((await stage.router.sessions()).length, 1)

    assert.deepEqual(seen.errors, [])
    await page.goto('about:blank')
    await until('a page that was left leaves nothing', async () => stage.link.count === 0 && (await stage.router.sessions()).length === 0)
  })

  it('publishes from the browser, and from the server with a token that browsers never see', async () => {
    const one = await openPage(stage, '/activity')
    const other = await openPage(stage, '/')
    await Promise.all([one, other].map(({ page }) => waitForState(page, 'connected')))
    await one.page.getByRole('button', { name: 'Wave' }).click()
    await one.page.getByText('press Wave').waitFor()
    await other.page.getByRole('radio', { name: '120 s' }).check()
    await one.page.getByText('choose cpu-span to 120').waitFor()
    await one.page.getByLabel('Text').fill('Doors open at nine')
    await one.page.getByRole('button', { name: 'Announce' }).click()
    await one.page.getByText('The router has accepted it.').waitFor()
    for (const { page, seen } of [one, other]) {
      await page.locator('[data-announcement="Doors open at nine"]').waitFor()
      assert.deepEqual(seen.errors, [])
      const bodies = await Promise.all(seen.bodies)
      assert.ok(bodies.some((body) => body.includes(stage.link.address)), 'the address of the link is part of the page')
      for (const secret of [stage.token, stage.api.address].filter(Boolean)) {
        assert.ok(!bodies.some((body) => body.includes(secret)), `${secret} was sent to a browser`)
      }
    }
  })

  it('shows what others do without moving anything', async () => {
    const reader = await openPage(stage, '/activity')
    const actor = await openPage(stage, '/activity')
    await Promise.all([reader, actor].map(({ page }) => waitForState(page, 'connected')))
    for (const action of ['Wave', 'Applaud', 'Ask for a break', 'Wave', 'Applaud', 'Ask for a break', 'Wave', 'Applaud', 'Ask for a break']) {
      await actor.page.getByRole('button', { name: action }).click()
      await reader.page.locator('.list li').first().getByText(`press ${action}`).waitFor()
    }
    assert.equal(await reader.page.locator('.list li').count(), 8)
    assert.deepEqual(await reader.page.evaluate(() => window.jumps), [])
  })

  it('takes the session up after a cut, and tells a gap when it is gone', async () => {
    const { page, seen } = await openPage(stage, '/')
    await waitForState(page, 'connected')
    const [{ session }] = await stage.router.sessions()
    stage.link.hold()
    await waitForState(page, 'reconnecting')
    await page.screenshot({ path: join(stage.shots, 'reconnecting.png') })
    stage.link.release()
    await waitForState(page, 'connected')
    await waitForChanges(page, 'messages_received_total', 1)
    assert.deepEqual((await stage.router.sessions()).map((one) => one.session), [session])
    assert.equal(await page.locator('[data-gaps]').getAttribute('data-gaps'), '0')

    stage.link.hold()
    await waitForState(page, 'reconnecting')
    await stage.router.end(session)
    stage.link.release()
    await waitForState(page, 'connected')
    await page.getByText(/1 gap: messages are missing, because the session ended while the link was away \(.*metrics\.updated/).waitFor()
    await waitForChanges(page, 'messages_received_total', 1)
    assert.deepEqual(await page.evaluate(() => window.jumps), [])
    await page.screenshot({ path: join(stage.shots, 'gap.png') })
    // The browser itself writes down each WebSocket that could not be opened.
    assert.deepEqual(seen.errors.filter((error) => !error.includes('WebSocket connection to')), [])
  })

  for (const colorScheme of ['light', 'dark']) {
    it(`is accessible, ${colorScheme}`, async () => {
      for (const width of [1180, 390]) {
        const { page } = await openPage(stage, '/', { colorScheme, viewport: { width, height: 860 } })
        await waitForState(page, 'connected')
        await until('the line has points', async () => Number(await page.locator('.line').getAttribute('data-points')) >= 6)
        for (const title of ['Overview', 'Activity', 'About']) {
          await page.getByRole('link', { name: title }).click()
          await page.getByRole('heading', { level: 1, name: title }).waitFor()
          if (title === 'Activity') await page.getByRole('button', { name: 'Applaud' }).click()
          if (title === 'Activity') await page.getByText('press Applaud').waitFor()
          assert.deepEqual(await accessibilityProblems(page), [], `${title}, ${width} wide`)
          assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${title} fits ${width}`)
          await page.screenshot({ path: join(stage.shots, `${title.toLowerCase()}-${colorScheme}-${width}.png`) })
        }
      }
    })
  }

  after(() => stage && console.log(`Screenshots: ${stage.shots}`))
})
