import { describe, expectTypeOf, it } from 'vitest'
import {
  createClient,
  EventBus,
  type CacheInvalidated,
  type ClientOptions,
  type DefaultEvents,
  type Message,
  type MetricsUpdated,
  type PayloadOf,
  type SystemStatusChanged,
  type WebSocketConstructor,
} from '../src/index'
import { useEvent, useEvents, useLatest, usePublish } from '../src/react'
import WebSocket from 'ws'

interface AppEvents {
  'orders.created': { id: number }
  'orders.eu.created': { id: string }
  'orders.cancelled': { reason: string }
  'users.*.renamed': { name: string }
  'audit.>': { by: string }
  '$SYS.health': boolean
}

describe('the payload of a pattern', () => {
  it('is that of the event, or the union of all that match', () => {
    expectTypeOf<PayloadOf<AppEvents, 'orders.created'>>().toEqualTypeOf<{ id: number }>()
    expectTypeOf<PayloadOf<AppEvents, 'orders.*'>>().toEqualTypeOf<{ id: number } | { reason: string }>()
    expectTypeOf<PayloadOf<AppEvents, 'orders.>'>>().toEqualTypeOf<{ id: number } | { id: string } | { reason: string }>()
    expectTypeOf<PayloadOf<AppEvents, '*.*.created'>>().toEqualTypeOf<{ id: string } | { by: string }>()
    expectTypeOf<PayloadOf<AppEvents, 'orders.*.created'>>().toEqualTypeOf<{ id: string }>()
    expectTypeOf<PayloadOf<AppEvents, '*'>>().toEqualTypeOf<unknown>()
    expectTypeOf<PayloadOf<AppEvents, '>'>>().toEqualTypeOf<{ id: number } | { id: string } | { reason: string } | { name: string } | { by: string }>()
    expectTypeOf<PayloadOf<AppEvents, '$SYS.>'>>().toEqualTypeOf<boolean>()
    expectTypeOf<PayloadOf<AppEvents, 'unknown.subject'>>().toEqualTypeOf<unknown>()
    expectTypeOf<PayloadOf<AppEvents, string>>().toEqualTypeOf<unknown>()
    expectTypeOf<PayloadOf<AppEvents, 'orders.created' | 'orders.cancelled'>>().toEqualTypeOf<{ id: number } | { reason: string }>()
  })

  it('takes patterns as keys of the map', () => {
    expectTypeOf<PayloadOf<AppEvents, 'users.7.renamed'>>().toEqualTypeOf<{ name: string }>()
    expectTypeOf<PayloadOf<AppEvents, 'users.>'>>().toEqualTypeOf<{ name: string }>()
    expectTypeOf<PayloadOf<AppEvents, 'audit.a.b.c'>>().toEqualTypeOf<{ by: string }>()
    expectTypeOf<PayloadOf<AppEvents, 'users.7'>>().toEqualTypeOf<unknown>()
  })
})

describe('the bus', () => {
  const bus = new EventBus<AppEvents>()

  it('tells messages of a pattern apart by subject', () => {
    bus.subscribe('orders.*', (message) => {
      if (message.subject === 'orders.created') expectTypeOf(message.data).toEqualTypeOf<{ id: number }>()
      else expectTypeOf(message.data).toEqualTypeOf<{ reason: string }>()
    })
    bus.subscribe('anything.else', (message) => expectTypeOf(message).toEqualTypeOf<Message>())
    bus.subscribe(`users.${1 as number}.renamed`, (message) => expectTypeOf(message.data).toEqualTypeOf<{ name: string }>())
  })

  it('holds publications to the map', () => {
    expectTypeOf(bus.publish('orders.created', { id: 1 })).toEqualTypeOf<Promise<void>>()
    void bus.publish('anything.else', 5)
    // @ts-expect-error the id is a number
    void bus.publish('orders.created', { id: 'one' })
    // @ts-expect-error a field is missing
    void bus.publish('orders.cancelled', {})
    // @ts-expect-error there is no such option
    void bus.publish('orders.created', { id: 1 }, { acknowledge: true })
  })

  it('iterates and asks with types', async () => {
    for await (const message of bus.subscribe('orders.created')) expectTypeOf(message.data).toEqualTypeOf<{ id: number }>()
    expectTypeOf(await bus.request('orders.created', { id: 1 })).toEqualTypeOf<Message>()
    expectTypeOf((await bus.request<Date>('orders.created', { id: 1 })).data).toEqualTypeOf<Date>()
  })

  it('has the default events where nothing is registered', () => {
    const { events } = createClient()
    expectTypeOf(events).toEqualTypeOf<EventBus<DefaultEvents>>()
    events.subscribe('metrics.updated', ({ data }) => expectTypeOf(data).toEqualTypeOf<MetricsUpdated>())
    events.subscribe('*.*.changed', ({ data }) => expectTypeOf(data).toEqualTypeOf<SystemStatusChanged>())
  })
})

describe('options', () => {
  it('take the WebSocket of browsers and that of ws', () => {
    expectTypeOf<typeof globalThis.WebSocket>().toExtend<WebSocketConstructor>()
    expectTypeOf<typeof WebSocket>().toExtend<WebSocketConstructor>()
    const options: ClientOptions = { WebSocket }
    void options
    // @ts-expect-error misspelt
    createClient({ urll: '' })
  })
})

describe('hooks', () => {
  it('have the types of the registered events', () => {
    function Component(): void {
      useEvent('metrics.updated', ({ data }) => expectTypeOf(data).toEqualTypeOf<MetricsUpdated>())
      expectTypeOf(useLatest('metrics.updated')).toEqualTypeOf<MetricsUpdated | undefined>()
      expectTypeOf(useLatest('metrics.updated', { select: (data) => data.host })).toEqualTypeOf<string | undefined>()
      expectTypeOf(useLatest('metrics.updated', { select: (data) => data.host, initial: '' })).toEqualTypeOf<string>()
      expectTypeOf(useEvents('cache.*')).toEqualTypeOf<readonly Message<CacheInvalidated, 'cache.invalidated'>[]>()
      const publish = usePublish('cache.invalidated')
      void publish({ at: 1, cache: 'a' })
      // @ts-expect-error the cache is missing
      void publish({ at: 1 })
    }
    expectTypeOf(Component).toBeFunction()
  })
})
