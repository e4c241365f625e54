/**
 * Client of the Pointsman message router.
 *
 * @packageDocumentation
 */
export { EventBus } from './bus'
export type { Carrier } from './carrier'
export { createClient, type Client } from './client'
export { PointsmanError, type ErrorCode, type ErrorDetails, type LocalErrorCode, type ServerErrorCode } from './error'
export type {
  CacheInvalidated,
  ChartRendered,
  DefaultEvents,
  DiskMetrics,
  Events,
  HeadersInput,
  KeysOf,
  Known,
  Message,
  MessageOf,
  MetricsUpdated,
  PayloadOf,
  Register,
  RespondOptions,
  SystemStatusChanged,
  UserInteraction,
} from './events'
export type { Gap, GapReason } from './gap'
export { WebSocketManager, type ManagerEvents } from './manager'
export type {
  ClientOptions,
  OfflineOptions,
  PublishOptions,
  ReconnectOptions,
  RequestOptions,
  SubscribeOptions,
  WebSocketConstructor,
  WebSocketLike,
} from './options'
export type { ConnectionSnapshot, ConnectionState, StateChange } from './snapshot'
export { matches } from './subject'
export type { Handler, Subscription, SubscriptionState } from './subscription'
export { systemTimers, type Timers } from './timers'
