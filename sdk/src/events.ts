/**
 * What a program says about its events: which subject carries which payload. The compiler reads it; at run time there is nothing of it.
 */

/**
 * Names the events of a program once, for `createClient()`, the hooks and the test client:
 *
 * ```ts
 * declare module 'pointsman' { interface Register { events: AppEvents } }
 * ```
 */
// An interface without members is the only kind that others can add to.
export interface Register {}

/** The events of `Register`, or {@link DefaultEvents} while nothing is registered. */
export type Events = Register extends { events: infer E } ? E : DefaultEvents

/** The events every Pointsman node and its pages know. */
export interface DefaultEvents {
  'metrics.updated': MetricsUpdated
  'chart.rendered': ChartRendered
  'user.interaction': UserInteraction
  'cache.invalidated': CacheInvalidated
  'system.status.changed': SystemStatusChanged
}

/** Measurements of one host and of the router on it. `at` is in milliseconds since 1970. */
export interface MetricsUpdated {
  at: number
  host: string
  /** Shares of 0 to 1. */
  cpu: { total: number; cores: number[] }
  memory: { used_bytes: number; total_bytes: number; swap_used_bytes: number; swap_total_bytes: number }
  disks: DiskMetrics[]
  network: { received_bytes_per_second: number; sent_bytes_per_second: number }
  /** Load averages of 1, 5 and 15 minutes. */
  /** Absent where the host does not tell. */
  load?: [number, number, number]
  /** Absent where the host does not tell. */
  uptime_seconds?: number
  router: {
    connections: number
    subscriptions: number
    messages_received_total: number
    messages_delivered_total: number
    messages_dropped_total: number
  }
}

/** One disk in {@link MetricsUpdated}. */
export interface DiskMetrics {
  name: string
  used_bytes: number
  total_bytes: number
  read_bytes_per_second: number
  written_bytes_per_second: number
}

/** A page has drawn a chart. `at` is in milliseconds since 1970. */
export interface ChartRendered {
  at: number
  chart: string
  points: number
  duration_ms: number
}

/** Somebody did something on a page. `at` is in milliseconds since 1970. */
export interface UserInteraction {
  at: number
  action: string
  /** What it was done to: a control, a chart, a page. */
  target: string
  value?: string | number | boolean
  user?: string
}

/** Cached values are out of date. `at` is in milliseconds since 1970. */
export interface CacheInvalidated {
  at: number
  cache: string
  /** Keys that are out of date; absent: all of them. */
  keys?: string[]
  cause?: string
}

/** A component went up, down or in between. `at` is in milliseconds since 1970. */
export interface SystemStatusChanged {
  at: number
  /** The node it happened on; absent where the publisher is no node. */
  node?: string
  component: string
  state: 'up' | 'degraded' | 'down'
  cause?: string
}

/** A reserved first token is never matched by a leading wildcard (protocol.md#P2.3). */
type Reserved<S extends string> = S extends `$${string}` | `_${string}` ? true : false
type LeadsWild<P extends string> = P extends '*' | '>' | `*.${string}` ? true : false

/** Whether two patterns have a subject in common, token by token. */
type TokensOverlap<P extends string, K extends string> = P extends '>'
  ? true
  : K extends '>'
    ? true
    : P extends `${infer PH}.${infer PT}`
      ? K extends `${infer KH}.${infer KT}`
        ? TokenOverlap<PH, KH> extends true
          ? TokensOverlap<PT, KT>
          : false
        : false
      : K extends `${string}.${string}`
        ? false
        : TokenOverlap<P, K>

type TokenOverlap<A extends string, B extends string> = A extends '*' ? true : B extends '*' ? true : A extends B ? true : false

type Overlap<P extends string, K extends string> = P extends K
  ? true
  : LeadsWild<P> extends true
    ? Reserved<K> extends true
      ? false
      : TokensOverlap<P, K>
    : TokensOverlap<P, K>

/** The keys of the event map `E` that a pattern or subject `P` can meet. Keys may be patterns themselves: `'orders.*'`. */
export type KeysOf<E, P extends string> = string extends P
  ? never
  : { [K in keyof E & string]: true extends Overlap<P, K> ? K : never }[keyof E & string]

/** The payload of a subject or pattern: the union of all events it can meet, `unknown` if the map knows none. */
export type PayloadOf<E, P extends string> = [KeysOf<E, P>] extends [never] ? unknown : E[KeysOf<E, P> & keyof E]

/** Subjects and patterns that an editor offers; any other string is taken as well. */
export type Known<E> = (keyof E & string) | (string & {})

/** The message of a subject or pattern: a union told apart by `subject`. */
export type MessageOf<E, P extends string> = [KeysOf<E, P>] extends [never]
  ? Message
  : { [K in KeysOf<E, P> & keyof E]: Message<E[K], SubjectOf<K & string>> }[KeysOf<E, P> & keyof E]

type SubjectOf<K extends string> = K extends '*' | '>' | `*.${string}` | `${string}.*` | `${string}.>` | `${string}.*.${string}` ? string : K

/** One message as a handler gets it. */
export interface Message<T = unknown, S extends string = string> {
  readonly subject: S
  /** JSON as its value, other text as a string, other bytes as a `Uint8Array`, an empty body as `undefined`. */
  readonly data: T
  /** Header values by name, in the order sent. */
  readonly headers: Record<string, string[]>
  /** Where an answer is expected, if one is. */
  readonly reply?: string | undefined
  /** Answers a request. Rejects with `bad_request` if no answer was asked for. */
  respond(data: unknown, options?: RespondOptions): Promise<void>
}

/** Header values to send: a string or several of them a name; together at most 4 KiB. */
export type HeadersInput = Readonly<Record<string, string | readonly string[]>>

/** Options of {@link Message.respond}. */
export interface RespondOptions {
  headers?: HeadersInput
}
