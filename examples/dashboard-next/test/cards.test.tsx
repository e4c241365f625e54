// @vitest-environment happy-dom
import { cleanup, fireEvent } from '@testing-library/react'
import { Profiler } from 'react'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { CpuCard } from '@/components/CpuCard'
import { MemoryCard } from '@/components/MemoryCard'
import { NetworkCard } from '@/components/NetworkCard'
import { RouterFigures } from '@/components/RouterFigures'
import { metrics, renderLive } from './live'

afterEach(cleanup)

const figure = (container: HTMLElement, name: string) => container.querySelector(`[data-figure="${name}"]`)?.textContent

describe('CpuCard', () => {
  it('shows the last publication, and its line the ones before', async () => {
    vi.stubGlobal('requestAnimationFrame', (callback: () => void) => setTimeout(callback, 0))
    const live = await renderLive(<CpuCard />)
    expect(figure(live.container, 'cpu')).toBe('– %')
    live.router.publish('metrics.updated', metrics({ at: 1000, cpu: 0.034 }))
    live.router.publish('metrics.updated', metrics({ at: 2000, cpu: 0.42 }))
    await live.idle()
    expect(figure(live.container, 'cpu')).toBe('42 %')
    expect(live.getByText('2 cores')).toBeTruthy()
    const line = await live.findByRole('img', { name: 'CPU load of the last 60 seconds: 3.4 % to 42 %, now 42 %' })
    expect(line.querySelector('.line__value')?.getAttribute('d')).toBe('M590.0 111.8L600.0 19.2')
    vi.unstubAllGlobals()
  })

  it('subscribes once for all of its parts, and not at all when it is gone', async () => {
    const live = await renderLive(<CpuCard />)
    expect(live.router.subscriptions.map(({ pattern }) => pattern)).toEqual(['metrics.updated'])
    live.unmount()
    await live.advance(2000)
    expect(live.router.subscriptions).toEqual([])
  })

  it('tells which span was chosen', async () => {
    const live = await renderLive(<CpuCard />)
    fireEvent.click(live.getByRole('radio', { name: '120 s' }))
    await live.idle()
    const { subject, data } = live.router.published.at(-1) ?? {}
    expect(subject).toBe('user.interaction')
    expect(data).toMatchObject({ action: 'choose', target: 'cpu-span', value: 120 })
  })

  it.each([null, 'text', {}, { cpu: null }, { cpu: { total: 'much' }, at: 'noon' }])('survives a publication that holds %j', async (data) => {
    const live = await renderLive(<CpuCard />)
    live.router.publish('metrics.updated', data)
    await live.idle()
    expect(figure(live.container, 'cpu')).toBe('– %')
  })
})

describe('MemoryCard', () => {
  it('renders only when what it shows has changed', async () => {
    const rendered = vi.fn()
    const live = await renderLive(
      <Profiler id="memory" onRender={rendered}>
        <MemoryCard />
      </Profiler>,
    )
    live.router.publish('metrics.updated', metrics({ used: 2 * 2 ** 30 }))
    await live.idle()
    expect(figure(live.container, 'memory')).toBe('2.00 GiB')
    expect(live.getByRole('meter').getAttribute('aria-valuenow')).toBe('25')
    const before = rendered.mock.calls.length
    live.router.publish('metrics.updated', metrics({ used: 2 * 2 ** 30 + 4096, cpu: 0.5 }))
    await live.idle()
    expect(rendered).toHaveBeenCalledTimes(before)
    live.router.publish('metrics.updated', metrics({ used: 4 * 2 ** 30 }))
    await live.idle()
    expect(figure(live.container, 'memory')).toBe('4.00 GiB')
    expect(rendered).toHaveBeenCalledTimes(before + 1)
  })
})

describe('NetworkCard', () => {
  it('shows what comes and goes a second', async () => {
    const live = await renderLive(<NetworkCard />)
    live.router.publish('metrics.updated', { ...metrics(), network: { received_bytes_per_second: 1536, sent_bytes_per_second: 0 } })
    await live.idle()
    expect(figure(live.container, 'received')).toBe('1.50 KiB')
    expect(figure(live.container, 'sent')).toBe('0 B')
  })
})

describe('RouterFigures', () => {
  it('shows what the server has rendered until the first message', async () => {
    const live = await renderLive(<RouterFigures initial={{ ...metrics().router, connections: 1200 }} />)
    expect(figure(live.container, 'connections')).toBe('1,200')
    live.router.publish('metrics.updated', metrics())
    await live.idle()
    expect(figure(live.container, 'connections')).toBe('3')
  })
})
