// @vitest-environment happy-dom
import { act, cleanup, render, renderHook } from '@testing-library/react'
import { StrictMode, Suspense, useState, type ReactNode } from 'react'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { ConnectionState, Gap, Message, MetricsUpdated, SystemStatusChanged } from '../src/index'
import { EventsProvider, useClient, useConnectionState, useEvent, useEvents, useLatest, usePublish } from '../src/react'
import { createTestClient, type TestClient } from '../src/testing'

const buses: TestClient[] = []

function bench(): { bus: TestClient; wrapper: (props: { children: ReactNode }) => ReactNode } {
  const bus = createTestClient()
  buses.push(bus)
  const wrapper = ({ children }: { children: ReactNode }): ReactNode => (
    <StrictMode>
      <EventsProvider client={bus.client}>{children}</EventsProvider>
    </StrictMode>
  )
  return { bus, wrapper }
}

const idle = (bus: TestClient): Promise<void> => act(() => bus.idle())

afterEach(() => {
  cleanup()
  for (const bus of buses.splice(0)) bus.close()
  vi.restoreAllMocks()
})

const metrics = (total: number): MetricsUpdated => ({
  at: 1,
  host: 'a',
  cpu: { total, cores: [total] },
  memory: { used_bytes: 1, total_bytes: 2, swap_used_bytes: 0, swap_total_bytes: 0 },
  disks: [],
  network: { received_bytes_per_second: 0, sent_bytes_per_second: 0 },
  load: [0, 0, 0],
  uptime_seconds: 1,
  router: { connections: 1, subscriptions: 1, messages_received_total: 1, messages_delivered_total: 1, messages_dropped_total: 0 },
})

describe('useClient', () => {
  it('says what is missing', () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    expect(() => renderHook(() => useClient())).toThrow('EventsProvider')
  })
})

describe('useEvent', () => {
  it('calls the latest handler, renders nothing and makes one subscription, also under StrictMode', async () => {
    const { bus, wrapper } = bench()
    const seen: string[] = []
    let renders = 0
    const { rerender } = renderHook(
      ({ name }) => {
        renders += 1
        useEvent('metrics.updated', (message) => seen.push(`${name} ${message.data.cpu.total}`))
      },
      { wrapper, initialProps: { name: 'first' } },
    )
    await idle(bus)
    const before = renders
    for (const total of [1, 2, 3]) bus.router.publish('metrics.updated', metrics(total))
    await idle(bus)
    expect(seen).toEqual(['first 1', 'first 2', 'first 3'])
    expect(renders).toBe(before)
    rerender({ name: 'second' })
    bus.router.publish('metrics.updated', metrics(4))
    await idle(bus)
    expect(seen.at(-1)).toBe('second 4')
    expect(bus.router.subscriptions).toMatchObject([{ sid: 1, pattern: 'metrics.updated' }])
    expect(bus.router.network.dials).toBe(1)
  })

  it('follows its pattern, its queue and `enabled`, and tells gaps', async () => {
    const { bus, wrapper } = bench()
    const gaps: Gap[] = []
    type Props = { pattern: string; queue?: string; enabled?: boolean }
    const { rerender } = renderHook(({ pattern, queue, enabled }: Props) => useEvent(pattern, () => {}, { queue, enabled, onGap: (gap) => gaps.push(gap) }), {
      wrapper,
      initialProps: { pattern: 'a' } as Props,
    })
    const now = async (): Promise<unknown[]> => {
      await act(() => bus.advance(2000))
      return bus.router.subscriptions.map(({ pattern, queue }) => [pattern, queue])
    }
    expect(await now()).toEqual([['a', undefined]])
    rerender({ pattern: 'b' })
    expect(await now()).toEqual([['b', undefined]])
    rerender({ pattern: 'b', queue: 'q' })
    expect(await now()).toEqual([['b', 'q']])
    bus.router.gap('b', { reason: 'policy', lost: 3 })
    await idle(bus)
    expect(gaps).toEqual([{ patterns: ['b'], reason: 'policy', lost: 3 }])
    rerender({ pattern: 'b', queue: 'q', enabled: false })
    expect(await now()).toEqual([])
  })
})

describe('useLatest', () => {
  it('renders only when the selected part changed', async () => {
    const { bus, wrapper } = bench()
    const shown: unknown[] = []
    renderHook(
      () => {
        const value = useLatest('metrics.updated', { select: (data) => ({ busy: data.cpu.total > 0.5 }), equal: (a, b) => a.busy === b.busy })
        shown.push(value)
      },
      { wrapper },
    )
    await idle(bus)
    expect(new Set(shown)).toEqual(new Set([undefined]))
    const before = shown.length
    for (const total of [0.1, 0.2, 0.3, 0.4]) {
      bus.router.publish('metrics.updated', metrics(total))
      await idle(bus)
    }
    expect(shown.at(-1)).toEqual({ busy: false })
    // StrictMode renders twice.
    expect(shown.length - before).toBe(2)
    bus.router.publish('metrics.updated', metrics(0.9))
    await idle(bus)
    expect(shown.at(-1)).toEqual({ busy: true })
    expect(shown.length - before).toBe(4)
  })

  it('gives the whole payload, the initial value before it, and follows its subject', async () => {
    const { bus, wrapper } = bench()
    const initial: SystemStatusChanged = { at: 0, component: 'none', state: 'down' }
    const latest = ({ subject }: { subject: 'system.status.changed' | 'metrics.updated' }) => useLatest<string, unknown>(subject, { initial })
    const { result, rerender } = renderHook(latest, {
      wrapper,
      initialProps: { subject: 'system.status.changed' },
    })
    await idle(bus)
    expect(result.current).toBe(initial)
    bus.router.publish('system.status.changed', { at: 1, component: 'store', state: 'up' })
    await idle(bus)
    expect(result.current).toEqual({ at: 1, component: 'store', state: 'up' })
    rerender({ subject: 'metrics.updated' })
    await idle(bus)
    expect(result.current).toBe(initial)
  })

  it('does not loop with a select that makes a new object each time', async () => {
    const { bus, wrapper } = bench()
    let renders = 0
    const { result } = renderHook(
      () => {
        renders += 1
        return useLatest('metrics.updated', { select: (data) => [data.cpu.total] })
      },
      { wrapper },
    )
    await idle(bus)
    bus.router.publish('metrics.updated', metrics(1))
    await idle(bus)
    expect(result.current).toEqual([1])
    expect(renders).toBeLessThan(12)
  })
})

describe('useEvents', () => {
  it('keeps the last messages and renders once a frame', async () => {
    const frames: FrameRequestCallback[] = []
    vi.spyOn(globalThis, 'requestAnimationFrame').mockImplementation((callback) => frames.push(callback))
    const { bus, wrapper } = bench()
    let renders = 0
    const { result } = renderHook(
      () => {
        renders += 1
        return useEvents('a.*', { limit: 3 })
      },
      { wrapper },
    )
    await idle(bus)
    const before = renders
    for (let number = 1; number <= 10; number++) bus.router.publish('a.b', number)
    await idle(bus)
    expect(result.current).toEqual([])
    expect(frames).toHaveLength(1)
    act(() => frames.splice(0).forEach((frame) => frame(0)))
    expect(result.current.map(({ data }) => data)).toEqual([8, 9, 10])
    expect(renders - before).toBe(2)
    const shown = result.current
    bus.router.publish('a.b', 11)
    await idle(bus)
    expect(result.current).toBe(shown)
    act(() => frames.splice(0).forEach((frame) => frame(0)))
    expect(result.current.map(({ data }) => data)).toEqual([9, 10, 11])
  })

  it('stays bounded while no frame comes, and cancels its frame when it goes', async () => {
    const cancelled: number[] = []
    vi.spyOn(globalThis, 'requestAnimationFrame').mockReturnValue(7)
    vi.spyOn(globalThis, 'cancelAnimationFrame').mockImplementation((frame) => void cancelled.push(frame))
    const { bus, wrapper } = bench()
    const { unmount } = renderHook(() => useEvents('a', { limit: 5 }), { wrapper })
    await idle(bus)
    for (let number = 0; number < 1000; number++) bus.router.publish('a', number)
    await idle(bus)
    unmount()
    expect(cancelled).toEqual([7])
  })

  it('renders each message with `sync`', async () => {
    const { bus, wrapper } = bench()
    const lengths = new Set<number>()
    renderHook(() => lengths.add(useEvents('a', { flush: 'sync' }).length), { wrapper })
    await idle(bus)
    for (let number = 0; number < 3; number++) {
      bus.router.publish('a', number)
      await idle(bus)
    }
    expect([...lengths]).toEqual([0, 1, 2, 3])
  })
})

describe('useConnectionState', () => {
  it('follows the connection without opening one, and renders only for the part it shows', async () => {
    const { bus, wrapper } = bench()
    const states: ConnectionState[] = []
    const { result } = renderHook(() => {
      states.push(useConnectionState(({ state }) => state))
    }, { wrapper })
    const all = renderHook(() => useConnectionState(), { wrapper })
    await idle(bus)
    expect(bus.router.network.dials).toBe(0)
    await act(() => Promise.all([bus.connection.connect(), bus.idle()]))
    bus.router.network.cut()
    await idle(bus)
    bus.router.gap('nothing')
    await act(() => bus.advance(2000))
    expect(states.filter((state, at) => state !== states[at - 1])).toEqual(['idle', 'connecting', 'connected', 'reconnecting', 'connected'])
    expect(all.result.current).toMatchObject({ state: 'connected', session: 'session-1', gaps: 0 })
    expect(result.current).toBeUndefined()
  })
})

describe('usePublish', () => {
  it('gives the same function in every render', async () => {
    const { bus, wrapper } = bench()
    const { result, rerender } = renderHook(() => usePublish('cache.invalidated'), { wrapper })
    const publish = result.current
    rerender()
    expect(result.current).toBe(publish)
    await act(() => Promise.all([publish({ at: 1, cache: 'pages' }, { ack: true }), bus.idle()]))
    expect(bus.router.published).toMatchObject([{ subject: 'cache.invalidated', data: { at: 1, cache: 'pages' } }])
  })
})

describe('mounting and unmounting', () => {
  function Everything({ on }: { on: (message: Message) => void }): ReactNode {
    useEvent('a.*', on)
    useLatest('a.b')
    useEvents('>', { limit: 10 })
    const state = useConnectionState(({ state: name }) => name)
    usePublish('a.b')
    return <span>{state}</span>
  }

  it('leaves no handler, no subscription and no timer after 1,000 times, and touches the wire once', async () => {
    const { bus, wrapper: Wrapper } = bench()
    await act(() => Promise.all([bus.connection.connect(), bus.idle()]))
    const { registry } = bus.connection.carrier
    const before = bus.router.network.crossed
    for (let times = 0; times < 1000; times++) {
      const { unmount } = render(<Everything on={() => {}} />, { wrapper: Wrapper })
      unmount()
    }
    expect(registry.members).toBe(0)
    expect(registry.wires.size).toBe(3)
    await idle(bus)
    // One wire message with the three subscriptions, and three confirmations.
    expect(bus.router.network.crossed - before).toBe(4)
    await act(() => bus.advance(1000))
    expect(registry.wires.size).toBe(0)
    expect(bus.router.subscriptions).toEqual([])
    expect(bus.router.network.dials).toBe(1)
    // The silence of the link, and the heartbeat of the router.
    expect(bus.timers.pending).toBe(2)
  })

  it('does not touch the wire when a part is hidden and shown, or waits', async () => {
    const { bus, wrapper: Wrapper } = bench()
    let toggle: (shown: boolean) => void = () => {}
    let resolve: () => void = () => {}
    let waiting: Promise<void> | undefined
    function Waits(): ReactNode {
      useEvent('a', () => {})
      if (waiting) throw waiting
      return <b>ready</b>
    }
    function Tabs(): ReactNode {
      const [shown, setShown] = useState(true)
      toggle = setShown
      return <Suspense fallback={<i>waits</i>}>{shown ? <Waits /> : <i>hidden</i>}</Suspense>
    }
    const { container } = render(<Tabs />, { wrapper: Wrapper })
    await idle(bus)
    const before = bus.router.network.crossed
    for (let times = 0; times < 5; times++) {
      act(() => toggle(false))
      await act(() => bus.advance(500))
      act(() => toggle(true))
      await act(() => bus.advance(100))
    }
    waiting = new Promise<void>((done) => (resolve = done))
    act(() => toggle(false))
    act(() => toggle(true))
    expect(container.textContent).toContain('waits')
    await act(() => bus.advance(500))
    waiting = undefined
    await act(async () => resolve())
    expect(container.textContent).toBe('ready')
    expect(bus.router.network.crossed).toBe(before)
    expect(bus.router.subscriptions).toHaveLength(1)
  })
})
