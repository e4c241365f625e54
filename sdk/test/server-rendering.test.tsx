import { renderToString } from 'react-dom/server'
import type { ReactNode } from 'react'
import { describe, expect, it, vi } from 'vitest'
import { createClient } from '../src/index'
import { EventsProvider, useClient, useConnectionState, useEvent, useEvents, useLatest, usePublish } from '../src/react'

function Page(): ReactNode {
  useClient()
  useEvent('a', () => {})
  usePublish('a')
  const latest = useLatest('system.status.changed', { select: ({ state }) => state, initial: 'down' as const })
  const events = useEvents('a.*')
  const { state } = useConnectionState()
  return (
    <p>
      {state} {latest} {events.length}
    </p>
  )
}

describe('rendering on a server', () => {
  it.each([
    ['without an address', undefined],
    ['with one', 'wss://events.test/v1/ws'],
  ])('shows initial values and opens nothing, %s', (_, url) => {
    const warned = vi.spyOn(console, 'error')
    const WebSocket = vi.fn()
    const timers = { now: vi.fn(() => 0), setTimeout: vi.fn(), clearTimeout: vi.fn(), random: vi.fn(() => 0) }
    const client = createClient({ url, WebSocket: WebSocket as never, timers })
    const html = renderToString(
      <EventsProvider client={client}>
        <Page />
      </EventsProvider>,
    )
    expect(html).toBe('<p>idle<!-- --> <!-- -->down<!-- --> <!-- -->0</p>')
    expect(WebSocket).not.toHaveBeenCalled()
    expect(timers.setTimeout).not.toHaveBeenCalled()
    expect(client.connection.carrier.registry.wires.size).toBe(0)
    expect(warned).not.toHaveBeenCalled()
  })
})
