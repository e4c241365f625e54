import { describe, expect, it } from 'vitest'
import { connected, make, outcome } from './bench'

describe('requests', () => {
  it('are answered by a responder elsewhere', async () => {
    const bus = await connected()
    const other = await connected({ router: bus.router })
    other.events.subscribe('double', (message) => void message.respond((message.data as number) * 2, { headers: { unit: 'none' } }))
    await bus.idle()
    const answer = bus.events.request<number>('double', 21)
    await bus.idle()
    expect(await answer).toMatchObject({ data: 42, headers: { unit: ['none'] } })
  })

  it('are answered at once where nobody listens, and by the clock where nobody answers', async () => {
    const bus = await connected()
    const nobody = outcome(bus.events.request('nobody', 1))
    await bus.idle()
    expect(nobody.error).toMatchObject({ code: 'no_responders', number: 200, retryable: true })
    bus.router.respond('silent', () => undefined)
    const silent = outcome(bus.events.request('silent', 1, { timeoutMs: 300 }))
    await bus.advance(299)
    expect(silent).toEqual({})
    await bus.advance(1)
    expect(silent.error).toMatchObject({ code: 'timeout_local', retryable: true })
    const default_ = outcome(bus.events.request('silent', 1))
    await bus.advance(4999)
    expect(default_).toEqual({})
    await bus.advance(1)
    expect(default_.error?.code).toMatch(/^timeout/)
  })

  it('wait for a link, are aborted, and leave the queue when they are', async () => {
    const bus = make()
    bus.router.network.refuseLinks(1)
    bus.router.respond('echo', ({ data }) => data)
    const controller = new AbortController()
    const waiting = outcome(bus.events.request('echo', 'late'))
    const aborted = outcome(bus.events.request('echo', 'never', { signal: controller.signal }))
    await bus.idle()
    controller.abort()
    await bus.advance(1000)
    expect(waiting.value).toMatchObject({ data: 'late' })
    expect(aborted.error?.code).toBe('aborted')
    expect(outcome(bus.events.request('echo', 1, { signal: controller.signal }))).toEqual({})
    await bus.idle()
    expect(bus.router.published.map(({ data }) => data)).toEqual(['late'])
  })

  it('survive a link that breaks before the answer', async () => {
    const bus = await connected()
    bus.router.respond('echo', ({ data }) => data)
    bus.router.network.cutAfter(1)
    const answer = outcome(bus.events.request('echo', 'hello'))
    await bus.advance(1000)
    expect(answer.value).toMatchObject({ data: 'hello' })
    expect(bus.router.published).toHaveLength(1)
  })

  it('take a timeout of 1 ms to 60 s', async () => {
    const bus = make()
    for (const timeoutMs of [0, -1, 60_001, Number.NaN]) {
      await expect(bus.events.request('a', 1, { timeoutMs })).rejects.toMatchObject({ code: 'bad_request' })
    }
  })

  it('are the only messages that can be answered', async () => {
    const bus = await connected()
    let error: unknown
    bus.events.subscribe('a', (message) => {
      message.respond(1).catch((failure: unknown) => (error = failure))
    })
    await bus.idle()
    bus.router.publish('a', 1)
    await bus.idle()
    expect(error).toMatchObject({ code: 'bad_request' })
  })

  it('leave no timer behind', async () => {
    const bus = await connected()
    bus.router.respond('echo', ({ data }) => data)
    const answer = outcome(bus.events.request('echo', 1))
    await bus.idle()
    expect(answer.value).toBeDefined()
    bus.close()
    await bus.advance(60_000)
    expect(bus.timers.pending).toBe(0)
  })
})
