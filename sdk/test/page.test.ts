// @vitest-environment happy-dom
import { describe, expect, it, vi } from 'vitest'
import { createClient } from '../src/index'
import { FakeTimers, TestRouter } from '../src/testing'
import { connected, make, outcome, record } from './bench'

function visible(state: 'visible' | 'hidden'): void {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(state)
  document.dispatchEvent(new Event('visibilitychange'))
}

const transition = (type: string, persisted: boolean): Event => Object.assign(new Event(type), { persisted })

describe('on a page', () => {
  it('goes to /v1/ws of the same origin', async () => {
    const router = new TestRouter()
    const urls: string[] = []
    const { WebSocket } = router
    class Recording extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols)
        urls.push(url)
      }
    }
    const visit = async (url?: string): Promise<void> => {
      const client = createClient({ url, WebSocket: Recording, timers: router.timers })
      await Promise.all([client.connection.connect(), router.idle()])
      client.close()
      await router.idle()
    }
    await visit()
    await visit('/other/ws?a=1')
    await visit('https://events.test/v1/ws')
    expect(urls).toEqual(['ws://page.test/v1/ws', 'ws://page.test/other/ws?a=1', 'wss://events.test/v1/ws'])
  })

  it.each([
    ['online', () => window.dispatchEvent(new Event('online'))],
    ['visible again', () => visible('visible')],
    ['shown again', () => window.dispatchEvent(transition('pageshow', false))],
  ])('tries at once when it is %s', async (_, happen) => {
    const bus = await connected()
    bus.router.network.refuseLinks(Number.POSITIVE_INFINITY)
    bus.router.network.cut()
    await bus.advance(200_000)
    expect(bus.connection.state).toBe('degraded')
    bus.router.network.refuseLinks(0)
    visible('hidden')
    await bus.idle()
    expect(bus.connection.state).toBe('degraded')
    happen()
    await bus.idle()
    expect(bus.connection.state).toBe('connected')
  })

  it('does not try earlier than the router asked for', async () => {
    const bus = await connected()
    bus.router.close({ reason: 'overloaded', retryAfterMs: 50_000 })
    await bus.idle()
    window.dispatchEvent(new Event('online'))
    await bus.advance(49_000)
    expect(bus.connection.state).toBe('reconnecting')
    window.dispatchEvent(new Event('online'))
    await bus.advance(1000)
    expect(bus.connection.state).toBe('connected')
  })

  it('finds out within 5 s that the link died while nobody looked', async () => {
    const bus = await connected()
    bus.router.network.partition()
    visible('visible')
    await bus.advance(4999)
    expect(bus.connection.state).toBe('connected')
    await bus.advance(1)
    expect(bus.connection.state).toBe('reconnecting')
  })

  it('keeps a link that answers', async () => {
    const bus = await connected()
    await bus.advance(20_000)
    const frames = record(bus)
    visible('visible')
    await bus.advance(10_000)
    expect(frames.map(({ op }) => op)).toContain('ping')
    expect(bus.connection.state).toBe('connected')
    expect(bus.router.network.dials).toBe(1)
  })

  it('lets go of the link when it is put aside, keeps the session and takes it up when it comes back', async () => {
    const bus = await connected()
    const seen: unknown[] = []
    bus.events.subscribe('a', (message) => seen.push(message.data))
    await bus.idle()
    window.dispatchEvent(transition('pagehide', true))
    await bus.advance(20_000)
    expect(bus.router.network.links.size).toBe(0)
    expect(bus.router.sessions).toBe(1)
    expect(bus.connection.state).toBe('reconnecting')
    bus.router.publish('a', 'while away')
    window.dispatchEvent(transition('pageshow', true))
    await bus.idle()
    expect(bus.connection.getSnapshot()).toMatchObject({ state: 'connected', session: 'session-1', gaps: 0 })
    expect(seen).toEqual(['while away'])
  })

  it('does nothing about a page that goes for good, and listens to nothing once closed', async () => {
    const bus = await connected()
    window.dispatchEvent(transition('pagehide', false))
    await bus.idle()
    expect(bus.connection.state).toBe('connected')
    bus.close()
    await bus.advance(1000)
    window.dispatchEvent(new Event('online'))
    window.dispatchEvent(transition('pagehide', true))
    window.dispatchEvent(transition('pageshow', true))
    await bus.advance(100_000)
    expect(bus.connection.state).toBe('closed')
    expect(bus.router.network.dials).toBe(1)
  })

  it('takes no attempt for itself while one is under way', async () => {
    const bus = make({ router: { timers: new FakeTimers() } })
    outcome(bus.connection.connect())
    window.dispatchEvent(new Event('online'))
    visible('visible')
    await bus.idle()
    expect(bus.router.network.dials).toBe(1)
  })
})
