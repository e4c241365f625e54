import { describe, expect, it } from 'vitest'
import { createTestClient, FakeTimers, TestRouter } from '../src/testing'
import { connected, outcome } from './bench'

describe('FakeTimers', () => {
  it('fires in the order of time, then of setting, and only as far as it is told', async () => {
    const timers = new FakeTimers({ now: 100 })
    const log: string[] = []
    const set = (name: string, ms: number): number => timers.setTimeout(() => log.push(`${name} ${timers.now()}`), ms)
    set('late', 50)
    set('first', 10)
    set('second', 10)
    const cleared = set('cleared', 10)
    timers.clearTimeout(cleared)
    timers.setTimeout(() => set('nested', 5), 20)
    expect([timers.pending, timers.nextAt]).toEqual([4, 110])
    await timers.advance(25)
    expect(log).toEqual(['first 110', 'second 110', 'nested 125'])
    await timers.advance(24)
    expect([log.length, timers.now()]).toEqual([3, 149])
    await timers.advance(1)
    expect(log.at(-1)).toBe('late 150')
    expect(timers.nextAt).toBeUndefined()
  })

  it('lets promises go on between two timers', async () => {
    const timers = new FakeTimers()
    let done = 0
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => timers.setTimeout(resolve, ms))
    void (async () => {
      for (let left = 10; left > 0; left--) {
        await sleep(100)
        done = timers.now()
      }
    })()
    await timers.advance(1000)
    expect(done).toBe(1000)
  })

  it('has the same chance in every run, and another with another seed', () => {
    const draw = (seed: number): number[] => {
      const timers = new FakeTimers({ seed })
      return Array.from({ length: 1000 }, () => timers.random())
    }
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
    const all = draw(3)
    expect(Math.min(...all)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...all)).toBeLessThan(1)
    expect(all.reduce((sum, value) => sum + value) / all.length).toBeCloseTo(0.5, 1)
  })
})

describe('the network', () => {
  it('delays, and keeps the order when the delay changes', async () => {
    const bus = await connected()
    const seen: unknown[] = []
    bus.events.subscribe('a', (message) => seen.push([message.data, bus.timers.now()]))
    await bus.idle()
    const start = bus.timers.now()
    bus.router.network.latencyMs = 100
    bus.router.publish('a', 1)
    bus.router.network.latencyMs = 10
    bus.router.publish('a', 2)
    await bus.advance(99)
    expect(seen).toEqual([])
    await bus.idle()
    expect(seen).toEqual([
      [1, start + 100],
      [2, start + 100],
    ])
  })

  it('swallows what it is told to swallow', async () => {
    const bus = await connected()
    const seen: unknown[] = []
    bus.events.subscribe('a', (message) => seen.push(message.data))
    await bus.idle()
    bus.router.network.drop((text, direction) => direction === 'to-client' && text.includes('secret'))
    bus.router.publish('a', 'secret')
    bus.router.publish('a', 'plain')
    await bus.idle()
    bus.router.network.drop()
    bus.router.publish('a', 'secret')
    await bus.idle()
    expect(seen).toEqual(['plain', 'secret'])
  })

  it('parts both ends, and joins them again', async () => {
    const bus = await connected({ connectTimeoutMs: 1000 })
    bus.router.network.partition()
    const publication = outcome(bus.events.publish('a', 1, { ack: true }))
    await bus.advance(51_000)
    expect(publication).toEqual({})
    expect(bus.connection.state).toBe('reconnecting')
    bus.router.network.heal()
    await bus.advance(60_000)
    expect(publication.value).toBe('done')
  })
})

describe('the router', () => {
  it('closes a link that says nothing, and a session that nobody takes up', async () => {
    const bus = await connected({ router: { keepMs: 10_000 } })
    bus.router.network.drop((_, direction) => direction === 'to-router')
    bus.router.network.refuseLinks(Number.POSITIVE_INFINITY)
    await bus.advance(100_000)
    expect(bus.connection.getSnapshot().cause?.code).toBeDefined()
    expect(bus.router.sessions).toBe(0)
  })

  it('closes what is no connect, another version, and frames that are too large', async () => {
    const router = new TestRouter({ frameBytes: 100 })
    const tell = async (text: string, protocols = ['pointsman.v1.json']): Promise<unknown[]> => {
      const log: unknown[] = []
      const socket = new router.WebSocket('ws://router.test/', protocols)
      Object.assign(socket, {
        onopen: () => socket.send(text),
        onmessage: ({ data }: { data: string }) => log.push((JSON.parse(data) as { code?: number }).code),
        onclose: ({ code }: { code: number }) => log.push(code),
      })
      await router.idle()
      return log
    }
    expect(await tell('{"op":"ping","received":0}')).toEqual([3501, 3501])
    expect(await tell('{"op":"connect","version":2}')).toEqual([3502, 3502])
    expect(await tell('{"op":"connect","version":1}', ['other'])).toContain(3501)
    expect(await tell(`{"op":"connect","version":1,"name":"${'x'.repeat(100)}"}`)).toEqual([1009])
  })

  it('fences an older link of a session', async () => {
    const bus = await connected()
    const { WebSocket } = bus.router
    const thief = new WebSocket('ws://router.test/', ['pointsman.v1.json'])
    const attach = { session: 'session-1', secret: 'secret-1', generation: 2, received: 0 }
    Object.assign(thief, { onopen: () => thief.send(JSON.stringify({ op: 'connect', version: 1, attach })) })
    await bus.idle()
    expect(bus.connection.getSnapshot()).toMatchObject({ state: 'failed', cause: { code: 'superseded', number: 3505 } })
  })

  it('is what the documentation of the package shows', async () => {
    const bus = createTestClient({ router: { keepMs: 1000 } })
    const seen: unknown[] = []
    bus.events.subscribe('cache.invalidated', (message) => seen.push(message.data.cache))
    await bus.idle()
    bus.router.publish('cache.invalidated', { at: 0, cache: 'pages' })
    await bus.idle()
    bus.router.network.cut()
    await bus.advance(30_000)
    expect(seen).toEqual(['pages'])
    expect(bus.connection.state).toBe('connected')
    bus.close()
  })
})
