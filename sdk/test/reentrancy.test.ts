import { describe, expect, it } from 'vitest'
import { connected, make, outcome } from './bench'

describe('whoever hears of something may do anything', () => {
  it('closes while it is told of each state', async () => {
    for (const at of ['connecting', 'connected', 'reconnecting'] as const) {
      const bus = make()
      bus.connection.on('state', ({ to }) => {
        if (to === at) bus.client.close()
      })
      outcome(bus.connection.connect())
      await bus.idle()
      if (at === 'reconnecting') bus.router.network.cut()
      await bus.advance(120_000)
      expect(bus.connection.state, at).toBe('closed')
      expect(bus.router.network.links.size, at).toBe(0)
      expect(bus.router.sessions, at).toBe(0)
      expect(bus.timers.pending, at).toBe(0)
    }
  })

  it('closes, reconnects, subscribes and publishes while it is told of a gap', async () => {
    for (const act of ['close', 'reconnect', 'use'] as const) {
      const bus = await connected()
      const seen: unknown[] = []
      bus.events.subscribe('a', (message) => seen.push(message.data))
      await bus.idle()
      let told = 0
      bus.connection.on('gap', () => {
        told += 1
        if (act === 'close') bus.client.close()
        if (act === 'reconnect' && told === 1) bus.connection.handleReconnection()
        if (act === 'use') {
          bus.events.subscribe('b', (message) => seen.push(message.data))
          outcome(bus.events.publish('b', 'from the listener'))
        }
      })
      bus.router.restart()
      await bus.advance(5000)
      expect(told, act).toBe(1)
      if (act === 'close') {
        expect(bus.connection.state).toBe('closed')
        expect(bus.router.sessions).toBe(0)
      } else {
        expect(bus.connection.state, act).toBe('connected')
        bus.router.publish('a', 'still here')
        await bus.idle()
        expect(seen, act).toEqual(act === 'use' ? ['from the listener', 'still here'] : ['still here'])
      }
    }
  })

  it('closes while it handles a message, and hears no more', async () => {
    const bus = await connected()
    const seen: unknown[] = []
    bus.events.subscribe('a', (message) => {
      seen.push(message.data)
      bus.client.close()
    })
    await bus.idle()
    for (const data of [1, 2, 3]) bus.router.publish('a', data)
    await bus.idle()
    // The heartbeat of the router is all that still waits for its time.
    expect(bus.timers.pending).toBe(1)
    await bus.advance(60_000)
    expect(seen).toEqual([1])
    expect(bus.timers.pending).toBe(0)
  })

  it('reconnects while it handles a message, and neither loses nor repeats any', async () => {
    const bus = await connected()
    const seen: unknown[] = []
    bus.events.subscribe('a', (message) => {
      seen.push(message.data)
      if (message.data === 2) bus.connection.handleReconnection()
    })
    await bus.idle()
    for (const data of [1, 2, 3]) bus.router.publish('a', data)
    await bus.advance(5000)
    expect(seen).toEqual([1, 2, 3])
    expect(bus.connection.getSnapshot().gaps).toBe(0)
  })

  it('asks for a connection again when it is told of the failure', async () => {
    const bus = make()
    let refusals = 0
    bus.router.authenticate = () => (++refusals < 3 ? { reason: 'permission_denied' } : undefined)
    bus.connection.on('error', () => outcome(bus.connection.connect()))
    outcome(bus.connection.connect())
    await bus.idle()
    expect(bus.connection.state).toBe('connected')
  })
})
