// Packs the SDK of this checkout into vendor/pointsman.tgz, as it would be published, unless that is younger than the SDK's sources.
// With --install, installs all packages afterwards, unless that was done since.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = dirname(dirname(fileURLToPath(import.meta.url)))
const SDK = join(HERE, '../../sdk')
const VENDOR = join(HERE, 'vendor')
const TARBALL = join(VENDOR, 'pointsman.tgz')
const LOCK = join(HERE, 'package-lock.json')
/** What the package is made from. */
const INPUTS = ['src', 'scripts', 'package.json', 'package-lock.json', 'vite.config.ts', 'tsconfig.json', 'tsconfig.build.json', 'README.md']

if (!existsSync(join(SDK, 'package.json'))) {
  fail(`there is no SDK at ${SDK}. Outside the Pointsman checkout, depend on the published package instead: npm install pointsman`)
}
forgetDigest()
if (isFresh()) {
  console.log(`${relative(HERE, TARBALL)} is up to date`)
} else {
  pack()
}
if (process.argv.includes('--install')) install()

function isFresh() {
  const made = modified(TARBALL)
  return made > 0 && INPUTS.every((input) => newest(join(SDK, input)) <= made)
}

/** When the youngest file below was written, in milliseconds; 0 if there is none. */
function newest(path) {
  if (!existsSync(path) || !statSync(path).isDirectory()) return modified(path)
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
}

function modified(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0
}

function pack() {
  // What changes in the SDK from here on makes the package stale again.
  const started = new Date()
  if (!existsSync(join(SDK, 'node_modules'))) npm(SDK, ['ci', '--no-audit', '--no-fund'])
  const packed = join(VENDOR, 'packed')
  rmSync(packed, { recursive: true, force: true })
  mkdirSync(packed, { recursive: true })
  // `prepack` of the SDK builds it.
  npm(SDK, ['pack', '--loglevel', 'error', '--pack-destination', packed])
  const [name] = readdirSync(packed)
  if (!name) fail('`npm pack` has left no package; its output stands above')
  utimesSync(join(packed, name), started, started)
  renameSync(join(packed, name), TARBALL)
  rmSync(packed, { recursive: true })
  console.log(`${relative(HERE, TARBALL)} is packed from ${relative(HERE, SDK)}`)
}

function install() {
  // npm writes this file at the end of an install.
  const installed = modified(join(HERE, 'node_modules/.package-lock.json'))
  if (installed > modified(TARBALL) && installed > modified(LOCK)) console.log('node_modules is up to date')
  else npm(HERE, ['ci', '--no-audit', '--no-fund'])
}

/**
 * The package is made on each machine, so its digest differs. `npm install` writes one into the lock file, and with it `npm ci` would refuse
 * the next package; everything else stays pinned.
 */
function forgetDigest() {
  if (!existsSync(LOCK)) return
  const lock = JSON.parse(readFileSync(LOCK, 'utf8'))
  const entry = lock.packages?.['node_modules/pointsman']
  if (!entry?.integrity) return
  delete entry.integrity
  writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`)
}

function npm(folder, args) {
  // npm is a command script on Windows, which only a shell starts.
  execFileSync('npm', ['--no-update-notifier', ...args], { cwd: folder, stdio: 'inherit', shell: process.platform === 'win32' })
}

function fail(message) {
  console.error(`prepare-sdk: ${message}`)
  process.exit(1)
}
