// Pages of a case, and what they complain of.
import assert from 'node:assert/strict'

const DEADLINE_MS = 30_000
const POLL_MS = 50

/** Waits until `check` gives something true, and gives it. */
export async function until(what, check, deadlineMs = DEADLINE_MS) {
  const end = performance.now() + deadlineMs
  let last
  for (;;) {
    try {
      const value = await check()
      if (value) return value
      last = value
    } catch (error) {
      last = error
    }
    if (performance.now() > end) throw new Error(`this did not come about within ${deadlineMs} ms: ${what} (last: ${last})`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

export class Pages {
  #contexts = []
  #complaints = []

  constructor(browser, url) {
    this.browser = browser
    this.url = url
  }

  /** Opens a page in a browser profile of its own. */
  async open(path, { width = 1280, height = 900, colorScheme = 'light', reducedMotion, allow = [], context, base = this.url, ready = true } = {}) {
    const profile = context ?? (await this.browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion }))
    if (!context) this.#contexts.push(profile)
    const page = await profile.newPage()
    page.setDefaultTimeout(DEADLINE_MS)
    const complain = (text) => {
      if (!allow.some((pattern) => pattern.test(text))) this.#complaints.push(`${path}: ${text}`)
    }
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complain(`${message.type()}: ${message.text()}`)
    })
    page.on('pageerror', (error) => complain(`uncaught: ${error.stack}`))
    await page.goto(`${base}${path}`)
    if (ready && path === '/demo') await connected(page)
    if (ready && path === '/console') await page.locator('.nodeline b').first().waitFor()
    return page
  }

  /** No page of the case logged an error or a warning. */
  assertQuiet() {
    assert.deepEqual(this.#complaints, [])
  }

  async shoot(name) {
    const open = this.#contexts.flatMap((context) => context.pages())
    for (const [at, page] of open.entries()) {
      // A page that is beyond taking its picture says so in the failure itself.
      await page.screenshot({ path: `${name}-${at}.png`, timeout: 5000 }).catch(() => {})
    }
  }

  async close() {
    for (const context of this.#contexts) await context.close()
  }
}

export async function connected(page) {
  await page.locator('[data-link-state="connected"]').waitFor()
}

/** Publishes over the HTTP API, as a service would. */
export async function publish(url, subject, data) {
  const response = await fetch(`${url}/v1/publish`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ subject, data }),
  })
  assert.equal(response.status, 200, await response.text())
}

/** The row of the console's own session: any other may be that of a page that was just left. */
export function ownRow(page) {
  return page.locator('tbody tr', { hasText: '(this page)' })
}

/** What a figure of a strip shows. */
export function figure(page, label) {
  return page.locator('.figure', { has: page.getByText(label, { exact: true }) }).locator('.figure__value')
}

export async function number(locator) {
  return Number((await locator.innerText()).replaceAll(',', ''))
}
