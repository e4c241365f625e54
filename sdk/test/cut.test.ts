import { describe, expect, it } from 'vitest'
import { PointsmanError, type Message } from '../src/index'
import { createTestClient, TestRouter, type TestRouterOptions } from '../src/testing'

/** What a handler saw, in order: numbers of messages, and gaps. */
type Seen = (number | 'gap')[]

interface Told {
  number: number
  outcome: 'ok' | 'unknown' | 'other' | undefined
}

interface Run {
  crossed: number
  gaps: number
  subscriptions: { pattern: string; seen: Seen; sent: number[] }[]
  publications: Told[]
  accepted: number[]
}

interface Cuts {
  first: number | undefined
  /** So many messages after the first cut. */
  second: number | undefined
  options: TestRouterOptions
}

/** A session as a page has it: subscribes, receives, publishes, asks, leaves a subject, while the link is cut where it is told. */
async function script({ first, second, options }: Cuts): Promise<Run> {
  const router = new TestRouter(options)
  const bus = createTestClient<Record<string, unknown>>({ router })
  const { network } = router
  const subscriptions: Run['subscriptions'] = []
  const publications: Told[] = []
  let sent = 0
  const subscribe = async (pattern: string): Promise<Run['subscriptions'][number]> => {
    const one = { pattern, seen: [] as Seen, sent: [] as number[] }
    const handler = (message: Message): void => void one.seen.push(message.data as number)
    const subscription = bus.events.subscribe(pattern, handler, { onGap: () => one.seen.push('gap') })
    for (let left = 20; left > 0 && subscription.state === 'pending'; left--) await bus.advance(1000)
    subscriptions.push(one)
    return one
  }
  const publish = async (subject: string): Promise<void> => {
    sent += 1
    for (const { pattern, sent: due } of subscriptions) if (pattern === subject || pattern === 'a.>') due.push(sent)
    router.publish(subject, sent)
    await bus.idle()
  }
  const say = async (number: number): Promise<void> => {
    const told: Told = { number, outcome: undefined }
    publications.push(told)
    bus.events.publish('up', number, { ack: true }).then(
      () => (told.outcome = 'ok'),
      (error: PointsmanError) => (told.outcome = error.code === 'outcome_unknown' ? 'unknown' : 'other'),
    )
    await bus.idle()
  }
  router.respond('time.now', () => 'noon')

  if (first !== undefined) network.cutAfter(first)
  const dials = network.dials
  await subscribe('a.b')
  await subscribe('a.>')
  for (let round = 0; round < 5; round++) {
    await publish('a.b')
    await say(round * 2)
    await publish('a.c')
    await publish('a.b')
    await say(round * 2 + 1)
    // The second cut falls into the repair of the first one.
    if (second !== undefined && network.dials > dials + 1) {
      network.cutAfter(second)
      second = undefined
    }
    await bus.advance(1500)
  }
  bus.events.request('time.now', null).catch(() => undefined)
  await bus.idle()
  const late = await subscribe('a.c')
  await publish('a.c')
  const fleeting = bus.events.subscribe('a.b', () => undefined, { queue: 'fleeting' })
  await publish('a.c')
  fleeting.unsubscribe()
  await bus.advance(5000)
  bus.events.unsubscribe('a.c')
  subscriptions.splice(subscriptions.indexOf(late), 1)
  // All is well in the end, and the last message says so.
  await bus.advance(120_000)
  const { crossed } = network
  await publish('a.b')
  await bus.advance(2000)
  subscriptions.push(late)
  expect(bus.connection.state).toBe('connected')
  const accepted = router.published.filter(({ subject }) => subject === 'up').map(({ data }) => data as number)
  const { gaps } = bus.connection.getSnapshot()
  bus.close()
  await bus.idle()
  expect(router.sessions).toBe(0)
  return { crossed, gaps, subscriptions, publications, accepted }
}

/** Received and told gaps together are what was sent, nothing twice, nothing out of order. */
function check(run: Run, where: string): void {
  for (const { pattern, seen, sent } of run.subscriptions) {
    let at = 0
    let gap = false
    for (const item of seen) {
      if (item === 'gap') {
        gap = true
        continue
      }
      const next = sent.indexOf(item)
      // A subscription hears of messages from before it was confirmed as well; never of one again.
      if (next < 0 && at === 0) continue
      expect(next, `${where}: ${pattern} got ${item} twice or too late in ${seen.join()}`).toBeGreaterThanOrEqual(at)
      if (!gap) expect(next, `${where}: ${pattern} lost messages untold before ${item} in ${seen.join()}`).toBe(at)
      at = next + 1
      gap = false
    }
    if (!gap) expect(at, `${where}: ${pattern} lost the end of ${sent.join()} in ${seen.join()}`).toBe(sent.length)
  }
  for (const { number, outcome } of run.publications) {
    const times = run.accepted.filter((other) => other === number).length
    if (outcome === 'ok') expect(times, `${where}: publication ${number} was confirmed`).toBe(1)
    else expect([outcome, times <= 1], `${where}: publication ${number}`).toEqual(['unknown', true])
  }
  const order = run.accepted.filter((number, at) => run.accepted.indexOf(number) === at)
  expect(run.accepted, `${where}: publications twice or out of order`).toEqual([...order].sort((a, b) => a - b))
}

const MODES: { name: string; options: TestRouterOptions; whole: boolean }[] = [
  { name: 'a router that keeps the session', options: {}, whole: true },
  { name: 'a router that forgets the session at once', options: { keepMs: 0 }, whole: false },
  { name: 'a router that keeps one message', options: { resendMessages: 1 }, whole: false },
]

describe.each(MODES)('cutting the link at every position, with $name', ({ options, whole }) => {
  it('once: received and told gaps together are what was sent', async () => {
    const { crossed, gaps } = await script({ first: undefined, second: undefined, options })
    expect(gaps).toBe(0)
    expect(crossed).toBeGreaterThan(40)
    for (let first = 0; first < crossed; first++) {
      const run = await script({ first, second: undefined, options })
      check(run, `cut at ${first} of ${crossed}`)
      // A session that is taken up loses nothing at all.
      if (whole) expect(run.gaps, `cut at ${first}`).toBe(0)
    }
  })

  it('twice, the second time within the repair: the same', async () => {
    const { crossed } = await script({ first: undefined, second: undefined, options })
    for (let first = 0; first < crossed; first += 3) {
      for (let second = 0; second < 8; second++) {
        check(await script({ first, second, options }), `cut at ${first}, then after ${second} more`)
      }
    }
  })
})
