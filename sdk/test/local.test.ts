import { describe, expect, it } from 'vitest'
import { EventBus, type DefaultEvents } from '../src/index'
import type { Any } from './bench'

describe('a bus within the program', () => {
  it('delivers to all that match, after the turn and in order', async () => {
    const bus = new EventBus<Any>()
    const seen: unknown[] = []
    bus.subscribe('a.*', (message) => seen.push(['a.*', message.subject, message.data]))
    const subscription = bus.subscribe('>', (message) => seen.push(['>', message.data]))
    expect(subscription.state).toBe('active')
    await subscription.ready
    const first = bus.publish('a.b', 1)
    const second = bus.publish('a.c', 2)
    expect(seen).toEqual([])
    await Promise.all([first, second, bus.publish('_INBOX.x', 3)])
    expect(seen).toEqual([
      ['a.*', 'a.b', 1],
      ['>', 1],
      ['a.*', 'a.c', 2],
      ['>', 2],
    ])
    bus.unsubscribe('a.*')
    subscription.unsubscribe()
    await bus.publish('a.b', 4)
    expect(seen).toHaveLength(4)
  })

  it('gives each message to one member of a queue group', async () => {
    const bus = new EventBus<Any>()
    const counts = [0, 0, 0]
    bus.subscribe('a', () => void counts[0]!++, { queue: 'q' })
    bus.subscribe('a', () => void counts[1]!++, { queue: 'q' })
    bus.subscribe('>', () => void counts[2]!++, { queue: 'q' })
    for (let left = 8; left > 0; left--) await bus.publish('a', left)
    expect(counts.reduce((sum, count) => sum + count)).toBe(8)
    for (const count of counts) expect(count).toBeGreaterThanOrEqual(2)
  })

  it('answers requests', async () => {
    const bus = new EventBus<Any>()
    await expect(bus.request('sum', [1, 2])).rejects.toMatchObject({ code: 'no_responders' })
    bus.subscribe('sum', (message) => void message.respond((message.data as number[]).reduce((a, b) => a + b)))
    expect((await bus.request('sum', [1, 2])).data).toBe(3)
    bus.subscribe('silent', () => {})
    await expect(bus.request('silent', 1, { timeoutMs: 1 })).rejects.toMatchObject({ code: 'timeout_local' })
    const controller = new AbortController()
    const aborted = bus.request('silent', 1, { signal: controller.signal })
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'aborted' })
  })

  it('refuses what a router refuses', async () => {
    const bus = new EventBus<Any>()
    await expect(bus.publish('a.*', 1)).rejects.toMatchObject({ code: 'bad_subject' })
    await expect(bus.publish('$SYS.a', 1)).rejects.toMatchObject({ code: 'permission_denied' })
  })

  it('has typed events by default', async () => {
    const bus = new EventBus()
    const seen: DefaultEvents['cache.invalidated'][] = []
    bus.subscribe('cache.invalidated', (message) => seen.push(message.data))
    await bus.publish('cache.invalidated', { at: 1, cache: 'pages', keys: ['/'] })
    expect(seen).toEqual([{ at: 1, cache: 'pages', keys: ['/'] }])
  })
})
