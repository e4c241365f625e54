import { describe, expect, it } from 'vitest'
import type { Gap, PointsmanError } from '../src/index'
import { connected, make, outcome, record } from './bench'

describe('a session that is taken up', () => {
  it('gives both counts, loses nothing and sends again only what the router has not received', async () => {
    const bus = await connected()
    const seen: unknown[] = []
    bus.events.subscribe('a', (message) => seen.push(message.data))
    await bus.idle()
    const first = outcome(bus.events.publish('up', 'one', { ack: true }))
    bus.router.publish('a', 1)
    await bus.idle()
    // The publication crosses, its ok is lost with the link.
    bus.router.network.cutAfter(1)
    const second = outcome(bus.events.publish('up', 'two', { ack: true }))
    await bus.idle()
    // This one waits for a link.
    const third = outcome(bus.events.publish('up', 'three', { ack: true }))
    bus.router.publish('a', 2)
    const frames = record(bus)
    await bus.advance(1000)
    expect([first.value, second.value, third.value]).toEqual(['done', 'done', 'done'])
    expect(frames[0]).toMatchObject({ op: 'connect', attach: { session: 'session-1', secret: 'secret-1', generation: 2, received: 3 } })
    expect(frames.filter(({ op }) => op === 'publish').map(({ data }) => data)).toEqual(['three'])
    expect(bus.router.published.filter(({ subject }) => subject === 'up').map(({ data }) => data)).toEqual(['one', 'two', 'three'])
    expect(seen).toEqual([1, 2])
  })

  it('sends again, word for word, what was lost with the link', async () => {
    const bus = await connected()
    bus.router.network.cutAfter(0)
    const lost = outcome(bus.events.publish('up', 'lost', { ack: true, headers: { h: ['1', '2'] }, messageId: 'm-1' }))
    await bus.idle()
    expect(lost).toEqual({})
    await bus.advance(1000)
    expect(lost.value).toBe('done')
    expect(bus.router.published).toMatchObject([{ subject: 'up', data: 'lost', headers: { h: ['1', '2'] } }])
    expect(bus.router.sessions).toBe(1)
  })

  it('adds what was skipped to its count, so that the next time still fits', async () => {
    const bus = await connected({ router: { resendMessages: 2 } })
    const seen: unknown[] = []
    const gaps: Gap[] = []
    bus.events.subscribe('a', (message) => seen.push(message.data), { onGap: (gap) => seen.push(gap.reason) })
    bus.events.subscribe('b.*', () => {})
    bus.connection.on('gap', (gap) => gaps.push(gap))
    await bus.idle()
    bus.router.network.cut()
    for (const data of [1, 2, 3, 4, 5]) bus.router.publish('a', data)
    await bus.advance(2000)
    expect(seen).toEqual(['resend_overflow', 4, 5])
    expect(gaps).toEqual([{ patterns: ['a', 'b.*'], reason: 'resend_overflow' }])
    bus.router.network.cut()
    bus.router.publish('a', 6)
    await bus.advance(2000)
    expect(seen).toEqual(['resend_overflow', 4, 5, 6])
    expect(bus.connection.getSnapshot().session).toBe('session-1')
  })

  it('knows no answer any more that the router did not hold long enough', async () => {
    const bus = await connected({ router: { resendMessages: 1 } })
    bus.events.subscribe('a', () => {})
    await bus.idle()
    // The publish arrives, and the link breaks before its answer is back.
    bus.router.network.cutAfter(0)
    const publication = outcome(bus.events.publish('up', 1, { ack: true }))
    await bus.idle()
    for (const data of [1, 2, 3]) bus.router.publish('a', data)
    await bus.advance(2000)
    expect(bus.connection.getSnapshot().session).toBe('session-1')
    expect(publication.error?.code).toBe('outcome_unknown')
  })

  it('tells the router of subscriptions that came and went meanwhile', async () => {
    const bus = await connected({ lingerMs: 0 })
    const old = bus.events.subscribe('old', () => {})
    await bus.idle()
    bus.router.network.cut()
    old.unsubscribe()
    const fresh = bus.events.subscribe('fresh', () => {})
    const fleeting = bus.events.subscribe('fleeting', () => {})
    fleeting.unsubscribe()
    await bus.advance(1000)
    await fresh.ready
    expect(bus.router.subscriptions.map(({ pattern }) => pattern)).toEqual(['fresh'])
  })
})

describe('a session that is gone', () => {
  it('raises a gap for every subscription it had and for no other, before anything else is delivered', async () => {
    const bus = await connected()
    const log: unknown[] = []
    for (const pattern of ['a', 'b.*']) bus.events.subscribe(pattern, (message) => log.push(message.data), { onGap: (gap) => log.push([pattern, gap]) })
    bus.events.subscribe('c', () => {}, { max: 1 })
    await bus.idle()
    bus.router.publish('c', 'ends the third subscription')
    await bus.idle()
    bus.router.restart()
    await bus.idle()
    bus.events.subscribe('later', () => {}, { onGap: (gap) => log.push(['later', gap]) })
    bus.router.publish('a', 'nobody is there')
    await bus.advance(1000)
    bus.router.publish('a', 1)
    await bus.idle()
    const gap = { patterns: ['a', 'b.*'], reason: 'session_gone' }
    expect(log).toEqual([['a', gap], ['b.*', gap], 1])
    expect(bus.connection.getSnapshot()).toMatchObject({ session: 'session-2', gaps: 1 })
  })

  it('reports unanswered publications and requests as of unknown outcome, and never sends them again', async () => {
    const bus = await connected()
    const errors: PointsmanError[] = []
    bus.connection.on('error', (error) => errors.push(error))
    bus.router.network.cutAfter(0)
    const frames = record(bus)
    const publication = outcome(bus.events.publish('up', 1, { ack: true }))
    const request = outcome(bus.events.request('ask', 2, { timeoutMs: 60_000 }))
    const plain = outcome(bus.events.publish('up', 3))
    await bus.idle()
    expect(plain.value).toBe('done')
    bus.router.restart()
    const waiting = outcome(bus.events.publish('up', 4, { ack: true }))
    await bus.advance(1000)
    expect(publication.error).toMatchObject({ code: 'outcome_unknown', retryable: false })
    expect(request.error?.code).toBe('outcome_unknown')
    // One was never sent, so there is nothing unknown about it.
    expect(waiting.value).toBe('done')
    expect(errors.map(({ code, message }) => [code, /1 publication sent without `ack`/.test(message)])).toEqual([['outcome_unknown', true]])
    expect(frames.filter(({ op }) => op === 'publish').map(({ data }) => data)).toEqual([1, 3, 4])
    expect(bus.router.published.map(({ data }) => data)).toEqual([4])
  })

  it('does not wait for a link to say so once the router keeps it no longer', async () => {
    const bus = await connected({ router: { keepMs: 10_000 } })
    bus.router.network.cutAfter(0)
    const publication = outcome(bus.events.publish('up', 1, { ack: true }))
    bus.router.network.refuseLinks(Number.POSITIVE_INFINITY)
    await bus.advance(10_000)
    expect(publication).toEqual({})
    await bus.advance(70_000)
    expect(publication.error?.code).toBe('outcome_unknown')
  })

  it('is taken up also when the answer to an attempt never came', async () => {
    const bus = await connected()
    const gaps: Gap[] = []
    const seen: unknown[] = []
    bus.connection.on('gap', (gap) => gaps.push(gap))
    bus.events.subscribe('a', (message) => seen.push(message.data))
    await bus.idle()
    // The greeting of an attach that was granted is lost: the router's generation is ahead now.
    bus.router.network.cut()
    bus.router.network.cutAfter(1)
    bus.router.publish('a', 1)
    await bus.advance(5000)
    expect(gaps).toEqual([])
    expect(seen).toEqual([1])
    expect(bus.connection.state).toBe('connected')
  })
})

describe('publishing', () => {
  it('sends what one turn publishes as one wire message, in order', async () => {
    const bus = await connected()
    const before = bus.router.network.crossed
    const all = [1, 2, 3].map((data) => bus.events.publish('up', data))
    await Promise.all([...all, bus.idle()])
    expect(bus.router.network.crossed - before).toBe(1)
    expect(bus.router.published.map(({ data }) => data)).toEqual([1, 2, 3])
  })

  it('resolves with ack when the router has accepted, and rejects with what it says', async () => {
    const bus = await connected()
    const message = 'You may not publish to `no`'
    bus.router.policy = (request) => (request.op === 'publish' && request.subject === 'no' ? { reason: 'permission_denied', message } : undefined)
    await Promise.all([bus.events.publish('yes', 1, { ack: true }), bus.idle()])
    const refused = outcome(bus.events.publish('no', 1, { ack: true }))
    await bus.idle()
    expect(refused.error).toMatchObject({ name: 'PointsmanError', code: 'permission_denied', number: 104, retryable: false, message })
    bus.router.policy = () => ({ reason: 'rate_limited', retryAfterMs: 700 })
    const limited = outcome(bus.events.publish('no', 1, { ack: true }))
    await bus.idle()
    expect(limited.error).toMatchObject({ code: 'rate_limited', number: 300, retryable: true, retryAfterMs: 700, remediation: 'Try again after 700 ms.' })
  })

  it('takes JSON, text, bytes and nothing', async () => {
    const bus = await connected()
    const seen: unknown[] = []
    bus.events.subscribe('a', (message) => seen.push(message.data))
    const bytes = Uint8Array.from({ length: 256 }, (_, at) => at)
    const values = [null, 0, '', 'text', [1, { b: 'ü€😀' }], bytes, undefined]
    for (const value of values) outcome(bus.events.publish('a', value))
    await bus.idle()
    expect(seen).toEqual(values)
    expect(seen[5]).toBeInstanceOf(Uint8Array)
  })

  it.each([
    ['', 'bad_subject'],
    ['a..b', 'bad_subject'],
    ['a b', 'bad_subject'],
    ['a.*', 'bad_subject'],
    ['\ud800', 'bad_subject'],
  ])('rejects %j at once', async (subject, code) => {
    const bus = make()
    await expect(bus.events.publish(subject, 1)).rejects.toMatchObject({ code })
    await expect(bus.events.request(subject, 1)).rejects.toMatchObject({ code })
    expect(bus.connection.state).toBe('idle')
  })

  it('rejects what JSON cannot hold, and what is above the limit of the router', async () => {
    const bus = await connected()
    await expect(bus.events.publish('a', 1n)).rejects.toMatchObject({ code: 'bad_request' })
    const large = outcome(bus.events.publish('a', 'x'.repeat(70_000), { ack: true }))
    const fits = outcome(bus.events.publish('a', 'x'.repeat(60_000), { ack: true }))
    const also = outcome(bus.events.publish('a', 'y'.repeat(60_000), { ack: true }))
    await bus.idle()
    expect(large.error?.code).toBe('payload_too_large')
    expect([fits.value, also.value]).toEqual(['done', 'done'])
    expect(bus.connection.state).toBe('connected')
  })

  it('keeps a bounded queue while there is no link, and drops the oldest', async () => {
    const bus = make({ offline: { max: 2 } })
    const errors: PointsmanError[] = []
    bus.connection.on('error', (error) => errors.push(error))
    const all = [1, 2, 3, 4].map((data) => outcome(bus.events.publish('up', data)))
    await bus.idle()
    expect(all.map(({ value, error }) => value ?? error?.code)).toEqual(['connection_lost', 'connection_lost', 'done', 'done'])
    expect(errors.map(({ code }) => code)).toEqual(['connection_lost', 'connection_lost'])
    expect(bus.router.published.map(({ data }) => data)).toEqual([3, 4])
  })

  it('or rejects the new one, by count or by length', async () => {
    const bus = make({ offline: { max: 2, overflow: 'reject' } })
    const all = [1, 2, 3].map((data) => outcome(bus.events.publish('up', data, { ack: true })))
    const short = make({ offline: { maxLength: 100, overflow: 'reject' } })
    const long = [outcome(short.events.publish('up', 'x'.repeat(20), { ack: true })), outcome(short.events.publish('up', 'x'.repeat(60), { ack: true }))]
    await bus.idle()
    await short.idle()
    expect(all.map(({ value, error }) => value ?? error?.code)).toEqual(['done', 'done', 'connection_lost'])
    expect(long.map(({ value, error }) => value ?? error?.code)).toEqual(['done', 'connection_lost'])
    expect(all[2]?.error).toMatchObject({ retryable: true })
  })

  it('asks the router to confirm, and waits when too much is unconfirmed', async () => {
    const bus = await connected({ offline: { max: 10, overflow: 'reject' } })
    const frames = record(bus)
    const sent: unknown[] = []
    // Each in a turn of its own: one wire message each. Nothing is confirmed meanwhile, for time stands still.
    for (let number = 0; number < 1100; number++) {
      outcome(bus.events.publish('up', number).then(() => sent.push(number)))
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(sent.length).toBeGreaterThan(1000)
    expect(sent.length).toBeLessThanOrEqual(1024)
    const published = bus.router.published.length
    await bus.idle()
    expect(bus.router.published.length).toBeGreaterThan(published)
    // Ten waited and went out, the rest was told to its callers.
    expect(sent.length).toBeGreaterThan(1024)
    expect(frames.filter(({ op }) => op === 'ping').length).toBeGreaterThanOrEqual(1)
    expect(bus.router.published.map(({ data }) => data)).toEqual(sent)
  })
})
