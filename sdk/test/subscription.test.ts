import { describe, expect, it, vi } from 'vitest'
import { WebSocketManager, type Gap, type Message, type PointsmanError } from '../src/index'
import { connected, make, outcome, record } from './bench'

describe('sharing and lingering', () => {
  it('makes one subscription at the router of all handlers of a pattern', async () => {
    const bus = await connected()
    const seen: string[] = []
    const one = bus.events.subscribe('a.*', () => seen.push('one'))
    const two = bus.events.subscribe('a.*', () => seen.push('two'))
    bus.events.subscribe('a.b', () => seen.push('three'))
    await bus.idle()
    expect(bus.router.subscriptions.map(({ pattern }) => pattern)).toEqual(['a.*', 'a.b'])
    bus.router.publish('a.b', 1)
    await bus.idle()
    expect(seen).toEqual(['one', 'two', 'three'])
    one.unsubscribe()
    bus.router.publish('a.c', 1)
    await bus.idle()
    expect(seen).toEqual(['one', 'two', 'three', 'two'])
    two.unsubscribe()
    await bus.advance(999)
    expect(bus.router.subscriptions).toHaveLength(2)
    await bus.advance(1)
    expect(bus.router.subscriptions.map(({ pattern }) => pattern)).toEqual(['a.b'])
  })

  it('does not touch the wire for a handler that comes back within the linger', async () => {
    const bus = await connected()
    bus.events.subscribe('a', () => {}).unsubscribe()
    await bus.idle()
    const frames = record(bus)
    const seen: unknown[] = []
    for (let times = 0; times < 20; times++) {
      await bus.advance(900)
      const subscription = bus.events.subscribe('a', (message) => seen.push(message.data))
      expect(subscription.state).toBe('active')
      bus.router.publish('a', times)
      await bus.idle()
      subscription.unsubscribe()
    }
    expect(seen).toHaveLength(20)
    expect(frames.filter(({ op }) => op !== 'pong')).toEqual([])
    await bus.advance(1000)
    expect(frames.filter(({ op }) => op !== 'pong')).toEqual([{ op: 'unsubscribe', sid: 1 }])
  })

  it('gives a message to the handlers that were there when it came, also where one leaves or joins meanwhile', async () => {
    const bus = await connected()
    const seen: string[] = []
    const first = bus.events.subscribe('a', () => {
      seen.push('first')
      first.unsubscribe()
      bus.events.subscribe('a', () => seen.push('late'))
    })
    bus.events.subscribe('a', () => seen.push('second'))
    await bus.idle()
    bus.router.publish('a', 1)
    await bus.idle()
    expect(seen).toEqual(['first', 'second'])
    bus.router.publish('a', 2)
    await bus.idle()
    expect(seen).toEqual(['first', 'second', 'second', 'late'])
  })

  it('stops at once for a handler that leaves while a message is being handed out', async () => {
    const bus = await connected()
    const seen: string[] = []
    bus.events.subscribe('a', () => {
      seen.push('first')
      second.unsubscribe()
    })
    const second = bus.events.subscribe('a', () => seen.push('second'))
    await bus.idle()
    bus.router.publish('a', 1)
    await bus.idle()
    expect(seen).toEqual(['first'])
  })

  it('keeps going when a handler throws, and reports what it threw', async () => {
    const reported: unknown[] = []
    const listener = (error: unknown): void => void reported.push(error)
    const before = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException').on('uncaughtException', listener)
    try {
      const bus = await connected()
      const seen: unknown[] = []
      bus.events.subscribe('a', () => {
        throw new Error('sync')
      })
      bus.events.subscribe('a', async () => {
        await Promise.reject(new Error('async'))
      })
      bus.events.subscribe('a', (message) => seen.push(message.data))
      await bus.idle()
      bus.router.publish('a', 1)
      await bus.idle()
      expect(seen).toEqual([1])
      expect(reported).toEqual([new Error('sync'), new Error('async')])
    } finally {
      process.removeListener('uncaughtException', listener)
      for (const each of before) process.on('uncaughtException', each)
    }
  })
})

describe('a subscription', () => {
  it('is pending until the router has confirmed it, then active, then closed', async () => {
    const bus = await connected()
    const subscription = bus.events.subscribe('a', () => {})
    expect(subscription).toMatchObject({ pattern: 'a', state: 'pending' })
    await Promise.all([subscription.ready, bus.idle()])
    expect(subscription.state).toBe('active')
    subscription.unsubscribe()
    subscription.unsubscribe()
    expect(subscription.state).toBe('closed')
  })

  it('is refused with what the router says: in the first frame, and later', async () => {
    const bus = make()
    const errors: PointsmanError[] = []
    bus.connection.on('error', (error) => errors.push(error))
    bus.router.policy = (request) => (request.op === 'subscribe' && request.pattern.startsWith('secret') ? { reason: 'permission_denied' } : undefined)
    const first = bus.events.subscribe('secret.a', () => {})
    const open = bus.events.subscribe('open', () => {})
    const refusals = [outcome(first.ready)]
    await bus.idle()
    const second = bus.events.subscribe('secret.b', () => {})
    refusals.push(outcome(second.ready))
    await bus.idle()
    expect(refusals.map(({ error }) => [error?.code, error?.number])).toEqual([['permission_denied', 104], ['permission_denied', 104]])
    expect([first.state, second.state, open.state]).toEqual(['closed', 'closed', 'active'])
    expect(errors).toHaveLength(2)
    bus.router.policy = undefined
    const again = bus.events.subscribe('secret.a', () => {})
    await Promise.all([again.ready, bus.idle()])
  })

  it('tries again where the router refuses for now, slower each time', async () => {
    const bus = await connected()
    let asked: number[] = []
    bus.router.policy = () => {
      asked.push(bus.timers.now())
      return { reason: 'overloaded', retryAfterMs: 100 }
    }
    const subscription = bus.events.subscribe('a', () => {})
    await bus.advance(600_000)
    expect(subscription.state).toBe('pending')
    const waits = asked.slice(1).map((at, index) => at - (asked[index] ?? 0))
    expect(waits.length).toBeGreaterThan(8)
    expect(waits.length).toBeLessThan(30)
    expect(Math.max(...waits)).toBeLessThanOrEqual(60_000)
    bus.router.policy = undefined
    await bus.advance(60_000)
    expect(subscription.state).toBe('active')
    // Nothing is tried any more for a subscription that has left.
    bus.router.policy = () => ({ reason: 'overloaded' })
    const other = bus.events.subscribe('b', () => {})
    await bus.idle()
    other.unsubscribe()
    asked = []
    await bus.advance(600_000)
    expect(asked).toEqual([])
    // The silence of the link, and the heartbeat of the router.
    expect(bus.timers.pending).toBe(2)
  })

  it('throws for what is no pattern', () => {
    const bus = make()
    for (const pattern of ['', 'a..b', '>.a', 'a b', 'a.\u0007', Array(17).fill('a').join('.'), 'ü'.repeat(129)]) {
      expect(() => bus.events.subscribe(pattern, () => {})).toThrow(expect.objectContaining({ code: 'bad_pattern' }) as Error)
    }
    expect(() => bus.events.subscribe('ü'.repeat(128), () => {})).not.toThrow()
  })

  it('ends after `max` messages, which it shares with nobody, and counts on over a new session', async () => {
    const bus = await connected()
    const seen: unknown[] = []
    bus.events.subscribe('a', () => {})
    const subscription = bus.events.subscribe('a', (message) => seen.push(message.data), { max: 3 })
    await bus.idle()
    expect(bus.router.subscriptions).toMatchObject([{ pattern: 'a' }, { pattern: 'a', left: 3 }])
    bus.router.publish('a', 1)
    await bus.idle()
    bus.router.restart()
    await bus.advance(1000)
    expect(bus.router.subscriptions).toMatchObject([{ pattern: 'a' }, { pattern: 'a', left: 2 }])
    const frames = record(bus)
    for (const data of [2, 3, 4]) bus.router.publish('a', data)
    await bus.idle()
    expect(seen).toEqual([1, 2, 3])
    expect(subscription.state).toBe('closed')
    expect(bus.router.subscriptions).toHaveLength(1)
    expect(frames.filter(({ op }) => op === 'unsubscribe')).toEqual([])
  })

  it('takes turns with other members of its queue group, here and elsewhere', async () => {
    const bus = await connected()
    const other = await connected({ router: bus.router })
    const seen: string[] = []
    const one = bus.events.subscribe('jobs', () => seen.push('one'), { queue: 'workers' })
    bus.events.subscribe('jobs', () => seen.push('two'), { queue: 'workers' })
    other.events.subscribe('jobs', () => seen.push('three'), { queue: 'workers' })
    bus.events.subscribe('jobs', () => seen.push('all'))
    await bus.idle()
    for (let left = 8; left > 0; left--) bus.router.publish('jobs', left)
    await bus.idle()
    const counts = Object.fromEntries(['one', 'two', 'three', 'all'].map((name) => [name, seen.filter((item) => item === name).length]))
    expect(counts).toEqual({ one: 2, two: 2, three: 4, all: 8 })
    // A member of a group does not linger: its turn would be lost.
    one.unsubscribe()
    bus.events.unsubscribe('jobs')
    await bus.idle()
    expect(bus.router.subscriptions.filter(({ queue }) => queue === 'workers')).toHaveLength(1)
  })

  it('is told gaps in the order of deliveries', async () => {
    const bus = await connected()
    const log: unknown[] = []
    bus.events.subscribe('a.*', (message) => log.push(message.data), { onGap: (gap) => log.push(gap) })
    bus.events.subscribe('b', (message) => log.push(message.data), { onGap: () => log.push('never') })
    await bus.idle()
    bus.router.publish('a.b', 1)
    bus.router.gap('a.b', { reason: 'slow_consumer', lost: 7 })
    bus.router.publish('a.b', 2)
    await bus.idle()
    expect(log).toEqual([1, { patterns: ['a.*'], lost: 7, reason: 'slow_consumer' }, 2])
  })

  it('ends with `using`, with a signal, by pattern and by handler', async () => {
    const bus = await connected()
    {
      using scoped = bus.events.subscribe('a', () => {})
      expect(scoped.state).toBe('pending')
      await bus.idle()
    }
    const controller = new AbortController()
    const aborted = bus.events.subscribe('b', () => {}, { signal: controller.signal })
    const error = outcome(aborted.ready)
    controller.abort()
    await bus.advance(1000)
    expect(aborted.state).toBe('closed')
    expect(error.error?.code).toBe('aborted')
    expect(bus.events.subscribe('b', () => {}, { signal: controller.signal }).state).toBe('closed')
    const handler = vi.fn()
    const kept = bus.events.subscribe('c', () => {})
    const removed = bus.events.subscribe('c', handler)
    bus.events.unsubscribe('c', handler)
    expect([kept.state, removed.state]).toEqual(['pending', 'closed'])
    bus.events.unsubscribe('c')
    expect(kept.state).toBe('closed')
    bus.events.unsubscribe(bus.events.subscribe('d'))
    await bus.advance(1000)
    expect(bus.router.subscriptions).toEqual([])
  })

  it('works on a manager alone', async () => {
    const bus = make()
    const manager = new WebSocketManager({ url: 'ws://router.test/', WebSocket: bus.router.WebSocket, timers: bus.timers })
    const handler = vi.fn()
    manager.subscribe('a', handler)
    await bus.idle()
    bus.router.publish('a', 1)
    await bus.idle()
    expect(handler).toHaveBeenCalledTimes(1)
    manager.unsubscribe('a', handler)
    await bus.advance(1000)
    expect(bus.router.subscriptions).toEqual([])
    manager.disconnect()
  })
})

describe('iterating', () => {
  it('yields in order, also what came before the loop, and unsubscribes when left', async () => {
    const bus = await connected({ lingerMs: 0 })
    const subscription = bus.events.subscribe('a')
    await bus.idle()
    for (const data of [1, 2]) bus.router.publish('a', data)
    await bus.idle()
    const seen: unknown[] = []
    const loop = (async () => {
      for await (const message of subscription) {
        seen.push(message.data)
        if (message.data === 3) break
      }
    })()
    await bus.idle()
    expect(seen).toEqual([1, 2])
    bus.router.publish('a', 3)
    bus.router.publish('a', 4)
    await Promise.all([loop, bus.idle()])
    expect(seen).toEqual([1, 2, 3])
    expect(subscription.state).toBe('closed')
    await bus.idle()
    expect(bus.router.subscriptions).toEqual([])
  })

  it('ends when the subscription ends, after what was buffered', async () => {
    const bus = await connected()
    const subscription = bus.events.subscribe('a')
    const collected: Promise<unknown[]> = (async () => {
      const seen: unknown[] = []
      for await (const message of subscription) seen.push(message.data)
      return seen
    })()
    await bus.idle()
    bus.router.publish('a', 1)
    await bus.idle()
    subscription.unsubscribe()
    expect(await collected).toEqual([1])
  })

  it('throws what the router refused it with, once', async () => {
    const bus = await connected()
    bus.router.policy = () => ({ reason: 'permission_denied' })
    const subscription = bus.events.subscribe('a')
    const iterator = subscription[Symbol.asyncIterator]()
    const first = outcome(iterator.next())
    await bus.idle()
    expect(first.error?.code).toBe('permission_denied')
    expect(await iterator.next().catch((error: PointsmanError) => error.code)).toMatchObject({ done: true })
  })

  it('keeps a bounded buffer and tells what it dropped, where it dropped it', async () => {
    const bus = await connected()
    const log: unknown[] = []
    const gaps: Gap[] = []
    bus.connection.on('gap', (gap) => gaps.push(gap))
    const subscription = bus.events.subscribe('a', undefined, { bufferMax: 3, onGap: (gap) => log.push(gap) })
    await bus.idle()
    for (const data of [1, 2, 3, 4, 5]) bus.router.publish('a', data)
    await bus.idle()
    const iterator = subscription[Symbol.asyncIterator]()
    for (let left = 3; left > 0; left--) log.push(((await iterator.next()).value as Message).data)
    expect(log).toEqual([{ patterns: ['a'], lost: 2, reason: 'slow_consumer' }, 3, 4, 5])
    expect(gaps).toHaveLength(1)
  })
})
