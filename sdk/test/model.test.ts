import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Subscription } from '../src/index'
import { createTestClient } from '../src/testing'

const PATTERNS = ['a.b', 'a.*', 'a.>', '*.b', '>', 'a.b.c', 'a.*.c', '*', 'x'] as const
const SUBJECTS = ['a', 'a.b', 'a.c', 'a.b.c', 'x', 'x.b', 'a.b.c.d', '$SYS.a', '_INBOX.a'] as const

type Step =
  | { do: 'subscribe'; pattern: string; max: number | undefined; queue: boolean }
  | { do: 'unsubscribe'; which: number }
  | { do: 'publish'; subject: string; own: boolean }
  | { do: 'cut' }
  | { do: 'wait'; ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('subscribe' as const),
      pattern: fc.constantFrom(...PATTERNS),
      max: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined, freq: 4 }),
      queue: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), which: fc.nat(20) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('publish' as const), subject: fc.constantFrom(...SUBJECTS), own: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ do: 'cut' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(10, 500, 1500) }) },
)

/** As one would write it on a blackboard: a regular expression. */
function naive(pattern: string, subject: string): boolean {
  if (/^[*>]/.test(pattern) && /^[$_]/.test(subject)) return false
  const source = pattern.split('.').map((token) => (token === '*' ? '[^.]+' : token === '>' ? '.+' : token.replace(/\$/g, '\\$')))
  return new RegExp(`^${source.join('\\.')}$`).test(subject)
}

interface Handler {
  pattern: string
  queue: boolean
  max: number | undefined
  subscription: Subscription
  seen: number[]
  /** Published while it was active: it has to come. */
  must: number[]
  /** Published while it was waiting for the router: it may come. */
  may: number[]
  closed: boolean
}

/** Plays steps against a client, and the same steps against handlers that each look at every message by themselves. */
async function play(steps: readonly Step[]): Promise<void> {
  const bus = createTestClient<Record<string, unknown>>()
  const { router } = bus
  const handlers: Handler[] = []
  const groups: { number: number; subject: string; certain: boolean }[] = []
  const published: { number: number; subject: string }[] = []
  let number = 0
  /** Number of the last message before the link was cut. */
  let down = 0
  const up = (): boolean => bus.connection.state === 'connected' && router.network.links.size === 1
  await Promise.all([bus.connection.connect(), bus.idle()])

  const publish = async (subject: string, own: boolean): Promise<void> => {
    // Its own publications reach the router in order only while there is a link; a client may publish to no reserved subject.
    const mine = own && up() && !subject.startsWith('$') && !subject.startsWith('_')
    number += 1
    published.push({ number, subject })
    const concerned = handlers.filter((handler) => !handler.closed && naive(handler.pattern, subject))
    for (const handler of concerned) {
      if (handler.queue) continue
      if (handler.max !== undefined && handler.must.length >= handler.max) continue
      ;(handler.subscription.state === 'active' ? handler.must : handler.may).push(number)
    }
    const members = concerned.filter((handler) => handler.queue)
    if (members.length > 0) groups.push({ number, subject, certain: members.some(({ subscription }) => subscription.state === 'active') })
    if (mine) await Promise.all([bus.events.publish(subject, number, { ack: true }), bus.idle()])
    else router.publish(subject, number)
    if (up()) await bus.idle()
  }

  for (const one of steps) {
    if (one.do === 'subscribe') {
      const handler: Omit<Handler, 'subscription'> = {
        pattern: one.pattern,
        queue: one.queue && one.max === undefined,
        max: one.max,
        seen: [],
        must: [],
        may: [],
        closed: false,
      }
      const subscription = bus.events.subscribe(one.pattern, (message) => handler.seen.push(message.data as number), {
        max: one.max,
        queue: handler.queue ? 'workers' : undefined,
      })
      // With a maximum, what comes before the confirmation would count as well, and the model could not tell.
      if (one.max !== undefined) await bus.advance(60_000)
      // One that joins others may meet what was on its way to them.
      if (!up()) handler.may = published.filter((item) => item.number > down && naive(one.pattern, item.subject)).map((item) => item.number)
      if (up()) await bus.idle()
      handlers.push(Object.assign(handler, { subscription }))
    } else if (one.do === 'unsubscribe') {
      const handler = handlers[one.which % Math.max(1, handlers.length)]
      if (!handler || handler.closed) continue
      // What is on its way to a handler that leaves is gone with it; the model has none on its way.
      await bus.advance(60_000)
      handler.subscription.unsubscribe()
      handler.closed = true
      // Until the router has heard of it, it may choose a member of a group that has left.
      await bus.idle()
    } else if (one.do === 'publish') {
      await publish(one.subject, one.own)
    } else if (one.do === 'cut') {
      if (up()) down = number
      router.network.cut()
    } else {
      await bus.advance(one.ms)
    }
  }
  await bus.advance(60_000)

  for (const { seen, must, may, pattern, queue } of handlers) {
    if (queue) continue
    expect(seen, `${pattern}: in order and none twice`).toEqual([...new Set(seen)].sort((a, b) => a - b))
    expect(seen.filter((item) => !may.includes(item)), `${pattern}: what the model says`).toEqual(must)
  }
  for (const { number: item, subject, certain } of groups) {
    // One that joined while the message was on its way may be the one that gets it.
    const members = handlers.filter(({ queue, pattern }) => queue && naive(pattern, subject))
    const times = members.flatMap(({ seen }) => seen).filter((other) => other === item).length
    expect(certain ? times === 1 : times <= 1, `${item} reached ${times} members of the group`).toBe(true)
  }
  const expected = groups.map((group) => group.number)
  for (const { seen, queue } of handlers) if (queue) expect(expected).toEqual(expect.arrayContaining(seen))
  expect(bus.connection.getSnapshot().gaps).toBe(0)
  bus.close()
  await bus.advance(1000)
  expect(router.subscriptions).toEqual([])
}

describe('overlapping patterns against a naive model', () => {
  it('gives every handler what it would get on a connection of its own, over links that break', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), play), { numRuns: 300 })
  })
})
