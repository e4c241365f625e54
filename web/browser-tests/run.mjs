// The pages in a real browser. Without POINTSMAN_TEST_URL against the fake server of tests/; with it against the server at that address
// (`pointsman dev`), leaving out what only the fake can bring about. POINTSMAN_TEST_SHOTS names the folder for screenshots,
// POINTSMAN_TEST_ONLY takes only cases whose name contains it.
import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { startFakeServer } from '../tests/fake-server.mjs'
import { access } from './access.mjs'
import { launch } from './browser.mjs'
import { consolePage } from './console.mjs'
import { demo } from './demo.mjs'
import { keyboard } from './keyboard.mjs'
import { looks } from './looks.mjs'
import { Pages } from './pages.mjs'

const given = process.env.POINTSMAN_TEST_URL
const only = process.env.POINTSMAN_TEST_ONLY ?? ''
const shots = process.env.POINTSMAN_TEST_SHOTS ?? (await mkdtemp(join(tmpdir(), 'pages-')))
await mkdir(shots, { recursive: true })

const fake = given ? undefined : await startFakeServer()
const url = given ? given.replace(/\/$/, '') : fake.url
const browser = await launch()
const failed = []
let passed = 0
let left = 0
try {
  for (const { name, run, needsFake } of [...demo, ...consolePage, ...keyboard, ...looks, ...access]) {
    if (!name.includes(only)) continue
    if (needsFake && !fake) {
      console.log(`–  ${name} (needs the fake server)`)
      left += 1
      continue
    }
    const pages = new Pages(browser, url)
    const began = performance.now()
    try {
      await run({ pages, url, fake, shots })
      pages.assertQuiet()
      console.log(`✓  ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`)
      passed += 1
    } catch (error) {
      failed.push(name)
      console.log(`✗  ${name}\n${error.stack ?? error}\n`)
      await pages.shoot(join(shots, `failed-${name.replaceAll(/\W+/g, '-')}`))
    } finally {
      await pages.close()
    }
  }
} finally {
  await browser.close()
  await fake?.close()
}
console.log(`${passed} passed, ${failed.length} failed, ${left} left out; against ${fake ? 'the fake server' : url}; screenshots in ${shots}`)
if (failed.length > 0 || passed === 0) process.exitCode = 1
