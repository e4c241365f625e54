// Looks at the package as those get it who install it: publint and attw on the tarball, then programs that use it, as ES modules and as CommonJS.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

const root = new URL('..', import.meta.url).pathname
const bin = (name) => join(root, 'node_modules/.bin', name)
const run = (command, args, cwd = root) => execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

const TYPED = `
import { createClient, EventBus, PointsmanError, type ClientOptions, type Subscription } from 'pointsman'
import { EventsProvider, useLatest, usePublish } from 'pointsman/react'
import { createTestClient } from 'pointsman/testing'

interface AppEvents { 'orders.created': { id: number } }
declare module 'pointsman' { interface Register { events: AppEvents } }

const options: ClientOptions = { url: 'wss://events.test/v1/ws' }
const client = createClient(options)
const subscription: Subscription = client.events.subscribe('orders.*', ({ data }) => data.id.toFixed())
subscription.unsubscribe()
export function useOrder(): number | undefined {
  void usePublish('orders.created')({ id: 1 })
  return useLatest('orders.created', { select: ({ id }) => id })
}
// @ts-expect-error the registered event has a number
void client.events.publish('orders.created', { id: 'one' })
export const all = [EventBus, PointsmanError, EventsProvider, createTestClient]
`

const USED = `
const check = async () => {
  const bus = new EventBus()
  const seen = []
  bus.subscribe('a.*', (message) => seen.push(message.data))
  await bus.publish('a.b', 1)
  const test = createTestClient()
  test.events.subscribe('a.>', (message) => seen.push(message.data))
  await test.idle()
  test.router.publish('a.b', 2)
  await test.idle()
  const refused = await test.events.publish('a b', 1).catch((error) => error)
  if (seen.join() !== '1,2' || !(refused instanceof PointsmanError) || typeof useEvent !== 'function') throw new Error('the package does not work: ' + seen)
  test.close()
}
check()
`

const work = mkdtempSync(join(tmpdir(), 'pointsman-package-'))
let failed = false
try {
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work]))
  const tarball = join(work, packed.filename)
  console.log(`${packed.filename}: ${packed.files.length} files, ${packed.size} bytes packed`)

  const { messages } = await publint({ pkgDir: root, level: 'suggestion', strict: true, pack: 'npm' })
  const { default: manifest } = await import(join(root, 'package.json'), { with: { type: 'json' } })
  for (const message of messages) console.log(`publint: ${formatMessage(message, manifest)}`)
  failed ||= messages.length > 0
  if (messages.length === 0) console.log('publint: nothing to say')

  console.log(run(bin('attw'), [tarball, '--profile', 'node16']))

  const app = join(work, 'app')
  mkdirSync(app)
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }))
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--legacy-peer-deps', tarball], app)
  for (const name of ['react', '@types']) symlinkSync(join(root, 'node_modules', name), join(app, 'node_modules', name))
  writeFileSync(join(app, 'typed.ts'), TYPED)
  writeFileSync(join(app, 'typed.cts'), TYPED)
  for (const [module, file] of [['NodeNext', 'typed.ts'], ['NodeNext', 'typed.cts'], ['ESNext', 'typed.ts']]) {
    const resolution = module === 'NodeNext' ? 'NodeNext' : 'Bundler'
    run(bin('tsc'), ['--noEmit', '--strict', '--target', 'ES2022', '--types', 'react', '--module', module, '--moduleResolution', resolution, file], app)
  }
  console.log('types: ES modules, CommonJS and bundlers see the events that a program registers')
  const imports = [['{ EventBus, PointsmanError }', 'pointsman'], ['{ useEvent }', 'pointsman/react'], ['{ createTestClient }', 'pointsman/testing']]
  writeFileSync(join(app, 'used.mjs'), imports.map(([names, from]) => `import ${names} from '${from}'`).join('\n') + USED)
  writeFileSync(join(app, 'used.cjs'), imports.map(([names, from]) => `const ${names} = require('${from}')`).join('\n') + USED)
  for (const file of ['used.mjs', 'used.cjs']) run(process.execPath, ['--unhandled-rejections=strict', file], app)
  console.log('use: works imported and required')
} catch (error) {
  failed = true
  console.error(error.stdout || error)
} finally {
  rmSync(work, { recursive: true })
}
process.exitCode = failed ? 1 : 0
