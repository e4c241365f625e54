// A wire between this program and the router that can be cut, and that counts what is on it.
import { connect, createServer } from 'node:net'

/** Relays to `target`, `host:port`. Stops with `close()`. */
export async function startRelay(target) {
  const { hostname, port } = new URL(`http://${target}`)
  /** Both ends of each connection. */
  const open = new Set()
  let held = false
  const server = createServer((near) => {
    if (held) return void near.destroy()
    const far = connect(Number(port), hostname)
    const pair = [near, far]
    open.add(pair)
    for (const [from, to] of [pair, [far, near]]) {
      from.on('error', () => {})
      from.on('close', () => {
        to.destroy()
        open.delete(pair)
      })
      from.pipe(to)
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => open.forEach((pair) => pair.forEach((socket) => socket.resetAndDestroy()))
  return {
    address: `127.0.0.1:${server.address().port}`,
    /** Connections there are. */
    get count() {
      return open.size
    },
    cut,
    /** Cuts, and lets nothing through until `release()`. */
    hold() {
      held = true
      cut()
    },
    release() {
      held = false
    },
    async close() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
