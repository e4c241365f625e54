import { createClient, type Client, type ClientOptions, type EventBus, type Events, type WebSocketManager } from '../index'
import type { FakeTimers } from './fake-timers'
import { TestRouter, type TestRouterOptions } from './router'

/** A client on a router in memory. */
export interface TestClient<E = Events> {
  readonly client: Client<E>
  readonly events: EventBus<E>
  readonly connection: WebSocketManager
  readonly router: TestRouter
  /** The clock of both. */
  readonly timers: FakeTimers
  /** Waits until nothing is on its way any more. See {@link TestRouter.idle}. */
  idle(): Promise<void>
  /** Lets time pass. */
  advance(ms: number): Promise<void>
  close(): void
}

/** Options of {@link createTestClient}: those of a client, and a router to share or the options of its own one. */
export interface TestClientOptions extends Omit<ClientOptions, 'WebSocket' | 'timers'> {
  router?: TestRouter | TestRouterOptions | undefined
}

/** Makes a client on a router in memory. Nothing happens before `idle()` or `advance()`. */
export function createTestClient<E = Events>(options: TestClientOptions = {}): TestClient<E> {
  const { router: given, ...rest } = options
  const router = given instanceof TestRouter ? given : new TestRouter(given)
  const { timers } = router
  const client = createClient<E>({ url: 'ws://router.test/v1/ws', ...rest, WebSocket: router.WebSocket, timers })
  return {
    client,
    events: client.events,
    connection: client.connection,
    router,
    timers,
    idle: () => router.idle(),
    advance: (ms) => timers.advance(ms),
    close: () => client.close(),
  }
}
