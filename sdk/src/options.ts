import type { HeadersInput } from './events'
import type { Gap } from './gap'
import type { Timers } from './timers'

/** Options of `createClient`. */
export interface ClientOptions {
  /**
   * Where the router is: `ws:`, `wss:`, `http:` or `https:`, or a path of this origin. Default `/v1/ws`.
   * Where there is neither a page nor an absolute address (rendering on a server), the client stays inert.
   */
  url?: string | undefined
  /** Called when there is no token or the last one was refused or expired, not for each attempt. */
  getToken?: (() => string | undefined | Promise<string | undefined>) | undefined
  /** Shown to operators; at most 128 bytes. */
  name?: string | undefined
  /** Whether own publications come to own matching subscriptions. Default true. */
  echo?: boolean | undefined
  reconnect?: ReconnectOptions | undefined
  /** How long one attempt may take, token included, in milliseconds. Default 10,000. */
  connectTimeoutMs?: number | undefined
  /** Default of `request`, in milliseconds, at most 60,000. Default 5,000. */
  requestTimeoutMs?: number | undefined
  offline?: OfflineOptions | undefined
  /** How long a pattern stays subscribed at the router after its last handler left, in milliseconds. Default 1,000. */
  lingerMs?: number | undefined
  /** The WebSocket to use. Default: that of the platform. */
  WebSocket?: WebSocketConstructor | undefined
  timers?: Timers | undefined
}

/** The n-th attempt comes after a random part of `minDelayMs * 2^(n-1)`, capped by `maxDelayMs`. */
export interface ReconnectOptions {
  /** In milliseconds. Default 250. */
  minDelayMs?: number | undefined
  /** In milliseconds. Default 20,000. */
  maxDelayMs?: number | undefined
  /** Failed attempts before the state is `degraded`. Default 5. */
  maxReconnectAttempts?: number | undefined
  /** Longest time between two attempts while `degraded`, in milliseconds. Default 60,000. */
  probeDelayMs?: number | undefined
}

/** What may wait while there is no link, or while the router has not confirmed what was sent. */
export interface OfflineOptions {
  /** Publications and requests. Default 256. */
  max?: number | undefined
  /** Characters of their frames. Default 4,194,304. */
  maxLength?: number | undefined
  /** What happens beyond: the oldest that waits fails (default), or the new one does. Both fail with `connection_lost`. */
  overflow?: 'drop-oldest' | 'reject' | undefined
}

/** Options of `publish`. */
export interface PublishOptions {
  headers?: HeadersInput | undefined
  /** 1 to 128 printable ASCII characters; a router with a store takes one id once. */
  messageId?: string | undefined
  /** Where answers are expected. */
  reply?: string | undefined
  /** Wait for the router's `ok` instead of only for the sending. Default false. */
  ack?: boolean | undefined
}

/** Options of `request`. */
export interface RequestOptions {
  /** In milliseconds, 1 to 60,000. Default: `requestTimeoutMs` of the client. */
  timeoutMs?: number | undefined
  headers?: HeadersInput | undefined
  signal?: AbortSignal | undefined
}

/** Options of `subscribe`. */
export interface SubscribeOptions {
  /** Name of a queue group: of its members, one gets each message. */
  queue?: string | undefined
  /** The subscription ends after so many messages. */
  max?: number | undefined
  /** Ends the subscription when it is aborted. */
  signal?: AbortSignal | undefined
  /** Told where messages of this subscription were lost, in the order of deliveries. */
  onGap?: ((gap: Gap) => void) | undefined
  /** Messages that may wait for an iterator; beyond, the oldest is dropped and a gap is told. Default 1,024. */
  bufferMax?: number | undefined
}

/** The part of the WebSocket interface that is used; that of browsers and of `ws` fit. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
  send(data: string): void
  close(code?: number, reason?: string): void
}

/** Makes a WebSocket. */
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike
