/**
 * A router in memory, a network that fails on demand and a clock that stands still: tests of programs that use Pointsman need no server.
 *
 * @packageDocumentation
 */
export { CLOSE_CODES, CODES, type Closing, type Refusal } from './testing/codes'
export { FakeTimers, settle } from './testing/fake-timers'
export { Network, type Direction } from './testing/network'
export { TestRouter, type ClientRequest, type TestRouterOptions } from './testing/router'
export type { RoutedMessage, RouterSubscription } from './testing/router-session'
export { createTestClient, type TestClient, type TestClientOptions } from './testing/test-client'
