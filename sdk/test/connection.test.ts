import { afterEach, describe, expect, it } from 'vitest'
import { createClient, PointsmanError, type Gap, type Message, type StateChange } from '../src/index'
import { createTestClient, TestRouter, type TestClient } from '../src/testing'

let bus: TestClient
const open: TestClient[] = []

function make(options: Parameters<typeof createTestClient>[0] = {}): TestClient {
  bus = createTestClient(options)
  open.push(bus)
  return bus
}

afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

/** Everything a promise came to, without an unhandled rejection on the way. */
function outcome(promise: Promise<unknown>): { value?: unknown; error?: PointsmanError } {
  const result: { value?: unknown; error?: PointsmanError } = {}
  promise.then(
    (value) => (result.value = value ?? 'done'),
    (error: PointsmanError) => (result.error = error),
  )
  return result
}

describe('connecting', () => {
  it('opens nothing before it is used, and sends the whole list of subscriptions in the first frame', async () => {
    make()
    const frames: string[] = []
    bus.router.network.drop((text, direction) => {
      if (direction === 'to-router') frames.push(text)
      return false
    })
    await bus.advance(100_000)
    expect(bus.router.network.dials).toBe(0)
    const seen: Message[] = []
    bus.events.subscribe('metrics.>', (message) => seen.push(message))
    bus.events.subscribe('jobs.*', () => {}, { queue: 'workers' })
    bus.events.subscribe('once', () => {}, { max: 1 })
    await bus.idle()
    expect(frames.map((text) => JSON.parse(text) as unknown)).toEqual([
      {
        op: 'connect',
        version: 1,
        subscribe: [
          { sid: 1, pattern: 'metrics.>' },
          { sid: 2, pattern: 'jobs.*', queue: 'workers' },
          { sid: 3, pattern: 'once', max: 1 },
        ],
      },
    ])
    expect(bus.connection.getSnapshot()).toMatchObject({ state: 'connected', session: 'session-1', server: 'pointsman-test/1', attempt: 0 })
    bus.router.publish('metrics.updated', { at: 1 }, { headers: { trace: ['a', 'b'], one: 'x' } })
    await bus.idle()
    expect(seen).toMatchObject([{ subject: 'metrics.updated', data: { at: 1 }, headers: { trace: ['a', 'b'], one: ['x'] } }])
  })

  it('sends what does not fit the first frame behind it', async () => {
    make()
    const ready = Array.from({ length: 900 }, (_, at) => bus.events.subscribe(`a.rather.long.subject.for.number.${at}`, () => {}).ready)
    await bus.idle()
    await Promise.all(ready)
    expect(bus.router.subscriptions).toHaveLength(900)
  })

  it('resolves connect() when it is connected, and at once when it is already', async () => {
    make()
    const first = outcome(bus.connection.connect())
    await bus.idle()
    expect(first.value).toBe('done')
    await bus.connection.connect()
    expect(bus.router.network.dials).toBe(1)
  })

  it('gives up an attempt that takes too long', async () => {
    make({ connectTimeoutMs: 3000 })
    bus.router.network.partition()
    outcome(bus.connection.connect())
    await bus.advance(2999)
    expect(bus.connection.state).toBe('connecting')
    await bus.advance(1)
    expect(bus.connection.getSnapshot()).toMatchObject({ state: 'reconnecting', attempt: 1, cause: { code: 'connection_lost', retryable: true } })
  })

  it('asks for a token once, again when the router says it expired, and again when an old one is refused', async () => {
    const tokens = ['a', 'b', 'c']
    let asked = 0
    make({ getToken: () => Promise.resolve(tokens[asked++]) })
    const used: (string | undefined)[] = []
    bus.router.authenticate = (token) => {
      used.push(token)
      return token === 'old' ? { reason: 'unauthenticated' } : undefined
    }
    await Promise.all([bus.connection.connect(), bus.idle()])
    bus.router.network.cut()
    await bus.advance(1000)
    expect(used).toEqual(['a', 'a'])
    bus.router.close({ reason: 'token_expired' })
    await bus.advance(1000)
    expect(used).toEqual(['a', 'a', 'b'])
    bus.router.authenticate = (token) => {
      used.push(token)
      return token === 'b' ? { reason: 'unauthenticated' } : undefined
    }
    bus.router.network.cut()
    await bus.advance(5000)
    expect(used).toEqual(['a', 'a', 'b', 'b', 'c'])
    expect(bus.connection.state).toBe('connected')
  })

  it('fails when a fresh token is refused, and tries again only when asked to', async () => {
    make({ getToken: () => 'bad' })
    const errors: PointsmanError[] = []
    bus.connection.on('error', (error) => errors.push(error))
    bus.router.authenticate = () => ({ reason: 'unauthenticated', message: 'The token is not valid' })
    const subscription = bus.events.subscribe('a', () => {})
    const ready = outcome(subscription.ready)
    const connected = outcome(bus.connection.connect())
    await bus.idle()
    expect(bus.connection.state).toBe('failed')
    expect(connected.error).toMatchObject({ code: 'unauthenticated', number: 3500, retryable: false })
    expect(ready.error?.code).toBe('unauthenticated')
    expect(errors).toHaveLength(1)
    const refused = outcome(bus.events.publish('a', 1, { ack: true }))
    await bus.advance(200_000)
    expect(refused.error?.code).toBe('closed')
    expect(bus.router.network.dials).toBe(1)
    bus.router.authenticate = undefined
    await Promise.all([bus.connection.connect(), bus.idle()])
    await subscription.ready
    expect(subscription.state).toBe('active')
  })

  it('counts a getToken that throws as a failed attempt', async () => {
    let asked = 0
    make({
      getToken: () => {
        if (++asked < 3) throw new Error('the login service is away')
        return 'good'
      },
    })
    outcome(bus.connection.connect())
    await bus.idle()
    expect(bus.connection.getSnapshot()).toMatchObject({ state: 'reconnecting', attempt: 1 })
    expect(bus.connection.getSnapshot().cause?.cause).toEqual(new Error('the login service is away'))
    await bus.advance(5000)
    expect(bus.connection.state).toBe('connected')
  })

  it('says what to do where there is no WebSocket', async () => {
    const client = createClient({ url: 'ws://router.test/v1/ws', WebSocket: undefined })
    const original = globalThis.WebSocket
    Reflect.deleteProperty(globalThis, 'WebSocket')
    try {
      const error = await client.connection.connect().then(
        () => undefined,
        (failure: PointsmanError) => failure,
      )
      expect(error).toMatchObject({ code: 'unsupported' })
      expect(error?.remediation).toContain('option `WebSocket`')
    } finally {
      if (original) globalThis.WebSocket = original
    }
  })

  it('is inert where there is neither a page nor an address', async () => {
    const client = createClient()
    const subscription = client.events.subscribe('a', () => {})
    await expect(client.connection.connect()).rejects.toMatchObject({ code: 'closed' })
    await expect(client.events.publish('a', 1, { ack: true })).rejects.toMatchObject({ code: 'closed' })
    expect(client.connection.state).toBe('idle')
    subscription.unsubscribe()
    client.close()
  })
})

describe('reconnecting', () => {
  it('tries five times with full jitter, then says degraded and goes on probing within 60 s', async () => {
    make()
    await Promise.all([bus.connection.connect(), bus.idle()])
    const changes: StateChange[] = []
    bus.connection.on('state', (change) => changes.push(change))
    bus.router.network.refuseLinks(Number.POSITIVE_INFINITY)
    bus.router.network.cut()
    await bus.advance(400_000)
    const waits = changes.filter((change) => change.nextDelayMs !== undefined)
    expect(waits.slice(0, 6).map(({ to, attempt }) => [to, attempt])).toEqual([
      ['reconnecting', 1],
      ['reconnecting', 2],
      ['reconnecting', 3],
      ['reconnecting', 4],
      ['reconnecting', 5],
      ['degraded', 6],
    ])
    for (const [at, { nextDelayMs = Number.NaN, to }] of waits.entries()) {
      expect(nextDelayMs).toBeGreaterThanOrEqual(to === 'degraded' ? 30_000 : 0)
      expect(nextDelayMs).toBeLessThanOrEqual(to === 'degraded' ? 60_000 : 250 * 2 ** at)
    }
    expect(waits.length).toBeGreaterThan(10)
    const late = outcome(bus.connection.connect())
    await bus.idle()
    expect(late.error?.code).toBe('connection_lost')
    bus.router.network.refuseLinks(0)
    await bus.advance(60_000)
    expect(bus.connection.getSnapshot()).toMatchObject({ state: 'connected', attempt: 0 })
  })

  it('spreads its delays over the whole range', async () => {
    const delays: number[] = []
    make({ reconnect: { minDelayMs: 1000, maxReconnectAttempts: 1000, maxDelayMs: 1000 } })
    bus.connection.on('state', ({ nextDelayMs }) => nextDelayMs !== undefined && delays.push(nextDelayMs))
    bus.router.network.refuseLinks(400)
    outcome(bus.connection.connect())
    await bus.advance(400_000)
    const quarters = [0, 0, 0, 0]
    for (const delay of delays) quarters[Math.min(3, Math.floor(delay / 250))]! += 1
    for (const count of quarters) expect(count).toBeGreaterThan(delays.length / 8)
  })

  it('comes back when the router said so, and not before', async () => {
    make()
    await Promise.all([bus.connection.connect(), bus.idle()])
    bus.router.close({ reason: 'draining', retryAfterMs: 1200 })
    await bus.idle()
    expect(bus.connection.getSnapshot()).toMatchObject({ state: 'reconnecting', nextDelayMs: 1200, cause: { code: 'draining', number: 3001 } })
    bus.router.close({ reason: 'draining' })
    await bus.advance(1200)
    expect(bus.connection.state).toBe('connected')
    bus.router.close({ reason: 'overloaded', retryAfterMs: 90_000 })
    await bus.advance(89_999)
    expect(bus.connection.state).toBe('reconnecting')
    await bus.advance(1)
    expect(bus.connection.state).toBe('connected')
    bus.router.close({ reason: 'rate_limited' })
    await bus.idle()
    expect(bus.connection.getSnapshot().nextDelayMs).toBeGreaterThanOrEqual(10_000)
  })

  it.each(['protocol', 'version', 'too_large', 'kicked', 'superseded', 'permission_denied', 'unauthenticated'] as const)('stops for %s', async (reason) => {
    make()
    await Promise.all([bus.connection.connect(), bus.idle()])
    bus.router.close({ reason })
    await bus.advance(100_000)
    expect(bus.connection.getSnapshot()).toMatchObject({ state: 'failed', cause: { code: reason, retryable: false } })
    expect(bus.router.network.dials).toBe(1)
    expect(bus.timers.pending).toBeLessThanOrEqual(1)
  })

  it('does not start counting anew for links that do not last', async () => {
    make()
    outcome(bus.connection.connect())
    for (let left = 5; left > 0; left--) {
      await bus.advance(20_000)
      await bus.connection.connect()
      bus.router.network.cut()
      await bus.idle()
    }
    // Each of these lasted for 20 s or was cut at once after it had come back: at most two in a row did not last.
    expect(bus.connection.getSnapshot().attempt).toBe(1)
    for (let left = 6; left > 0; left--) {
      outcome(bus.connection.connect())
      await bus.idle()
      bus.router.network.cut()
      await bus.idle()
    }
    expect(bus.connection.state).toBe('degraded')
  })

  it('lets a subclass decide and everybody ask for a reconnection', async () => {
    make()
    await Promise.all([bus.connection.connect(), bus.idle()])
    bus.connection.handleReconnection()
    expect(bus.connection.getSnapshot()).toMatchObject({ state: 'reconnecting', attempt: 1 })
    await bus.advance(1000)
    expect(bus.connection.getSnapshot()).toMatchObject({ state: 'connected', session: 'session-1' })
    bus.connection.disconnect()
    bus.connection.handleReconnection()
    expect(bus.connection.state).toBe('closed')
  })
})

describe('liveness', () => {
  it('drops a link that is silent for twice the heartbeat', async () => {
    make()
    await Promise.all([bus.connection.connect(), bus.idle()])
    bus.router.network.partition()
    await bus.advance(49_999)
    expect(bus.connection.state).toBe('connected')
    await bus.advance(1)
    expect(bus.connection.state).toBe('reconnecting')
    bus.router.network.heal()
    await bus.advance(30_000)
    expect(bus.connection.getSnapshot()).toMatchObject({ state: 'connected', session: 'session-1' })
  })

  it('keeps an idle link for as long as the router pings', async () => {
    make()
    await Promise.all([bus.connection.connect(), bus.idle()])
    await bus.advance(600_000)
    expect(bus.router.network.dials).toBe(1)
    expect(bus.connection.state).toBe('connected')
    // One ping and one pong each 25 s and nothing else.
    expect(bus.router.network.crossed).toBeLessThanOrEqual(2 + 2 * 24)
  })

  it('acknowledges every 64 messages, every 64 KiB and every second', async () => {
    make()
    bus.events.subscribe('a', () => {})
    await bus.idle()
    const pongs: number[] = []
    bus.router.network.drop((text, direction) => {
      const frame = JSON.parse(text) as { op: string; received: number }
      if (direction === 'to-router' && frame.op === 'pong') pongs.push(frame.received)
      return false
    })
    for (let left = 64; left > 0; left--) bus.router.publish('a', left)
    await bus.idle()
    expect(pongs).toEqual([64])
    bus.router.publish('a', 'x')
    await bus.advance(999)
    expect(pongs).toEqual([64])
    await bus.advance(1)
    expect(pongs).toEqual([64, 65])
    bus.router.publish('a', 'x'.repeat(64 * 1024))
    await bus.idle()
    expect(pongs).toEqual([64, 65, 66])
    await bus.advance(10_000)
    expect(pongs).toEqual([64, 65, 66])
  })
})

describe('closing', () => {
  it('ends the session with code 1000 and leaves nothing behind', async () => {
    make()
    const subscription = bus.events.subscribe('a', () => {})
    await bus.idle()
    bus.client.close()
    await bus.idle()
    expect(bus.router.sessions).toBe(0)
    expect(subscription.state).toBe('closed')
    await bus.advance(60_000)
    expect(bus.timers.pending).toBe(0)
    expect(bus.connection.state).toBe('closed')
    await expect(bus.events.publish('a', 1, { ack: true })).rejects.toMatchObject({ code: 'closed' })
  })

  it('brings the subscriptions back after disconnect() and connect(), and tells no gap for it', async () => {
    make()
    const seen: unknown[] = []
    const gaps: Gap[] = []
    bus.connection.on('gap', (gap) => gaps.push(gap))
    bus.events.subscribe('a', (message) => seen.push(message.data))
    await bus.idle()
    bus.connection.disconnect()
    await bus.idle()
    bus.router.publish('a', 1)
    await Promise.all([bus.connection.connect(), bus.idle()])
    bus.router.publish('a', 2)
    await bus.idle()
    expect(seen).toEqual([2])
    expect(gaps).toEqual([])
  })

  it('rejects a connect() that is under way', async () => {
    make()
    const connecting = outcome(bus.connection.connect())
    bus.connection.disconnect()
    await bus.idle()
    expect(connecting.error?.code).toBe('closed')
    await bus.advance(100_000)
    expect(bus.router.sessions).toBe(0)
  })
})

describe('snapshots', () => {
  it('are the same object until something changes', async () => {
    make()
    const before = bus.connection.getSnapshot()
    expect(bus.connection.getSnapshot()).toBe(before)
    bus.events.subscribe('a', () => {})
    await bus.idle()
    const connected = bus.connection.getSnapshot()
    expect(connected).not.toBe(before)
    bus.router.publish('a', 1)
    await bus.idle()
    expect(bus.connection.getSnapshot()).toBe(connected)
    bus.router.gap('a')
    await bus.idle()
    expect(bus.connection.getSnapshot()).toMatchObject({ state: 'connected', gaps: 1 })
  })

  it('share a router between clients', async () => {
    const router = new TestRouter()
    const one = make({ router })
    const two = make({ router })
    const seen: unknown[] = []
    one.events.subscribe('a', (message) => seen.push(message.data))
    await one.idle()
    outcome(two.events.publish('a', 'from two'))
    await two.idle()
    expect(seen).toEqual(['from two'])
  })
})
