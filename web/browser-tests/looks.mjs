import assert from 'node:assert/strict'
import { join } from 'node:path'

import { startTail } from './console.mjs'
import { ownRow, publish, until } from './pages.mjs'

const SIZES = [
  { width: 360, height: 800 },
  { width: 768, height: 1024 },
  { width: 1600, height: 1000 },
]

async function prepare(page, path, url) {
  if (path === '/demo') {
    await page.locator('.chart canvas').nth(3).waitFor()
    return
  }
  await startTail(page, 'looks.>')
  await until('the tail has rows', async () => {
    await publish(url, 'looks.test', { words: 'a body that is wider than the column it is shown in, so that it must be cut', list: [1, 2, 3] })
    return (await page.locator('.tail__row').count()) > 3
  })
  await page.locator('.tail__row').first().click()
  await ownRow(page).click()
  await page.locator('.detail__subscriptions').waitFor()
}

/** Nothing sticks out of the page at any width. */
function fits(path) {
  return async ({ pages, url, shots }) => {
    for (const colorScheme of ['light', 'dark']) {
      for (const size of SIZES) {
        const page = await pages.open(path, { ...size, colorScheme })
        await prepare(page, path, url)
        assert.equal(await page.locator('html').getAttribute('data-theme'), colorScheme)
        await page.evaluate(() => scrollTo(0, 0))
        await page.screenshot({ path: join(shots, `${path.slice(1)}-${size.width}-${colorScheme}.png`), fullPage: true })
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
        assert.ok(wide <= 0, `at ${size.width} px the page is ${wide} px too wide`)
        await page.close()
      }
    }
  }
}

async function themeIsKept({ pages }) {
  const page = await pages.open('/demo', { colorScheme: 'light' })
  const theme = () => page.locator('html').getAttribute('data-theme')
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
  assert.equal(await theme(), 'light')
  const light = await background()
  const toggle = page.getByRole('button', { name: /^Theme/ })
  await toggle.click()
  await toggle.click()
  assert.equal(await theme(), 'dark')
  assert.notEqual(await background(), light)
  await page.reload()
  assert.equal(await theme(), 'dark')
  await toggle.click()
  assert.equal(await theme(), 'light')
  await page.emulateMedia({ colorScheme: 'dark' })
  await until('the page follows the system', async () => (await theme()) === 'dark')
}

async function chartsFollowTheme({ pages }) {
  // Reading pixels back is the test's doing, not the page's.
  const page = await pages.open('/demo', { colorScheme: 'light', allow: [/willReadFrequently/] })
  await page.locator('.chart canvas').first().waitFor()
  /** The brightness of the pixels of the first chart that are drawn on. */
  const colours = () =>
    page.locator('.chart canvas').first().evaluate((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      let sum = 0
      let drawn = 0
      for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] < 200) continue
        sum += data[at] + data[at + 1] + data[at + 2]
        drawn += 1
      }
      return drawn === 0 ? undefined : sum / drawn / 3
    })
  const light = await until('the chart is drawn', colours)
  await page.emulateMedia({ colorScheme: 'dark' })
  await until('the grid of the chart is dark', async () => (await colours()) < light - 40)
}

async function motionIsReduced({ pages }) {
  const page = await pages.open('/demo', { reducedMotion: 'reduce' })
  await page.locator('.cores__core > span').first().waitFor()
  const slow = await page.evaluate(() =>
    [...document.querySelectorAll('*')]
      .filter((element) => {
        const { transitionDuration, animationDuration, animationName } = getComputedStyle(element)
        const moves = (text) => text.split(',').some((each) => parseFloat(each) > 0)
        return moves(transitionDuration) || (animationName !== 'none' && moves(animationDuration))
      })
      .map((element) => element.className),
  )
  assert.deepEqual(slow, [])
}

export const looks = [
  { name: 'looks: the dashboard fits, light and dark', run: fits('/demo') },
  { name: 'looks: the console fits, light and dark', run: fits('/console') },
  { name: 'looks: the theme is kept, and follows the system', run: themeIsKept },
  { name: 'looks: charts follow the theme', run: chartsFollowTheme },
  { name: 'looks: less motion where that is wanted', run: motionIsReduced },
]
