import type { Carrier } from './carrier'
import { PointsmanError, serverError } from './error'
import type { ReadyFrame, ServerFrame } from './frames'
import type { Gap } from './gap'
import type { ClientOptions, WebSocketConstructor, WebSocketLike } from './options'
import { resolveUrl, watchPage } from './page'
import { deferred, Listeners, type Deferred } from './report'
import { Session } from './session'
import type { ConnectionSnapshot, ConnectionState, StateChange } from './snapshot'
import type { Handler, Subscription } from './subscription'
import { systemTimers, type Timers } from './timers'

const SUBPROTOCOL = 'pointsman.v1.json'
const MIN_DELAY_MS = 250
const MAX_DELAY_MS = 20_000
const MAX_ATTEMPTS = 5
const PROBE_DELAY_MS = 60_000
const CONNECT_TIMEOUT_MS = 10_000
/** A link that held so long was a good one: the next loss starts counting anew. */
const LASTING_MS = 5000
/** After a wake-up the router has so long to show a sign of life. */
const PROBE_ANSWER_MS = 5000
/** A router does not get to say "come back next year". */
const RETRY_AFTER_MAX_MS = 3_600_000

/** What `on` listens to. */
export interface ManagerEvents {
  state: StateChange
  gap: Gap
  error: PointsmanError
}

/** One try to get a link, and the link if it succeeds. Everything asynchronous asks whether it is still the current one. */
interface Attempt {
  socket?: WebSocketLike
  /** Made for this attempt and not taken from an earlier one. */
  freshToken: boolean
  /** What the server said before it closed. */
  closing?: PointsmanError
}

/**
 * The connection: at most one WebSocket, and a session that outlives it.
 *
 * It connects on first use. After a loss it tries again with full jitter; after `maxReconnectAttempts` failures the state is `degraded`
 * and it keeps probing. It stops only for causes that time does not change.
 */
export class WebSocketManager {
  /** What an `EventBus` on this connection is made from: `new EventBus(manager.carrier)`. */
  readonly carrier: Carrier
  #options: ClientOptions
  #timers: Timers
  #session: Session
  #snapshot: ConnectionSnapshot = { state: 'idle', attempt: 0, link: 'websocket', gaps: 0 }
  #events: { [K in keyof ManagerEvents]: Listeners<ManagerEvents[K]> } = { state: new Listeners(), gap: new Listeners(), error: new Listeners() }
  #waiters: Deferred<void>[] = []
  #current: Attempt | undefined
  #failures = 0
  #token: string | undefined
  #readyAt: number | undefined
  /** When the link was lost, and how long the router keeps the session from then on. */
  #lostAt = 0
  #keepMs = 0
  #heartbeatMs = 0
  #heardAt = 0
  /** Nothing was heard since the watch timer was set. */
  #quiet = true
  /** A router that said when to come back is not asked earlier. */
  #notBefore = 0
  #retryTimer: unknown
  #watchTimer: unknown
  #unwatchPage: (() => void) | undefined

  constructor(options: ClientOptions = {}) {
    this.#options = options
    this.#timers = options.timers ?? systemTimers
    this.#session = new Session(options, this.#timers, {
      use: () => {
        if (this.state === 'idle') this.#start()
      },
      refusal: () => this.#refusal(),
      // Behind the turn: whoever hears of it may do anything.
      error: (error) => queueMicrotask(() => this.#events.error.emit(error)),
      gap: (gap) => {
        this.#snapshot = { ...this.#snapshot, gaps: this.#snapshot.gaps + 1 }
        this.#events.gap.emit(gap)
      },
    })
    this.carrier = this.#session
  }

  get state(): ConnectionState {
    return this.#snapshot.state
  }

  /** The same object until something changes. */
  getSnapshot(): ConnectionSnapshot {
    return this.#snapshot
  }

  /** Listens; what it returns stops that. What a listener throws is reported to the platform. */
  on<K extends keyof ManagerEvents>(event: K, listener: (value: ManagerEvents[K]) => void): () => void {
    return this.#events[event].add(listener)
  }

  /** Resolves when connected; rejects when the state becomes `degraded`, `failed` or `closed`. While waiting for an attempt, it makes it now. */
  connect(): Promise<void> {
    if (this.state === 'connected') return Promise.resolve()
    const waiter = deferred<void>()
    this.#waiters.push(waiter)
    if (this.#snapshot.nextDelayMs !== undefined) this.#dial()
    else if (!this.#current) this.#start()
    return waiter.promise.then()
  }

  /** Ends the link and the session. Subscriptions stay and come back with the next `connect()`; what happens until then is not told as a gap. */
  disconnect(): void {
    if (this.state === 'closed') return
    this.#stop('closed', new PointsmanError('closed', 'The connection was closed by this program', { remediation: 'Call `connect()`.' }), 1000)
  }

  subscribe(pattern: string, handler: Handler): Subscription {
    return this.carrier.registry.subscribe(pattern, handler)
  }

  /** Ends the subscriptions to `pattern` with this handler, or all of them. */
  unsubscribe(pattern: string, handler?: Handler): void {
    this.carrier.registry.unsubscribe(pattern, handler)
  }

  /**
   * Lets go of the link, if there is one, and arranges the next attempt; each call counts as one.
   * The session is kept by the router meanwhile. Called by itself when a link is lost; does nothing while idle, closed or failed.
   */
  handleReconnection(cause?: PointsmanError): void {
    if (['idle', 'closed', 'failed'].includes(this.state)) return
    this.#drop()
    const { minDelayMs = MIN_DELAY_MS, maxDelayMs = MAX_DELAY_MS, maxReconnectAttempts = MAX_ATTEMPTS, probeDelayMs = PROBE_DELAY_MS } =
      this.#options.reconnect ?? {}
    const attempt = ++this.#failures
    const degraded = attempt > maxReconnectAttempts
    const random = this.#timers.random()
    const later = cause?.number !== undefined && cause.number >= 3300 && cause.number < 3500
    const spread = later ? maxDelayMs : Math.min(maxDelayMs, minDelayMs * 2 ** (attempt - 1))
    const asked = Math.min(cause?.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS)
    // Full jitter, except where coming back early is known to be of no use.
    const delay = degraded ? probeDelayMs * (0.5 + random / 2) : later && !asked ? spread * (0.5 + random / 2) : spread * random
    const nextDelayMs = Math.round(Math.max(asked, delay))
    this.#notBefore = asked ? this.#timers.now() + asked : 0
    this.#retryTimer = this.#timers.setTimeout(() => this.#dial(), nextDelayMs)
    this.#set(degraded ? 'degraded' : 'reconnecting', { attempt, nextDelayMs, cause })
  }

  #refusal(): PointsmanError | undefined {
    const { state, cause } = this.#snapshot
    if (state === 'failed') return new PointsmanError('closed', 'The connection has failed', { cause, remediation: cause?.remediation })
    if (state === 'closed') return cause
    return resolveUrl(this.#options.url) === undefined ? inert() : undefined
  }

  #start(): void {
    if (resolveUrl(this.#options.url) === undefined) return this.#settle(inert())
    this.#failures = 0
    this.#unwatchPage ??= watchPage({
      wake: () => this.#wake(),
      freeze: () => {
        // No close code: with 1000 or 1001 the router would end the session (protocol.md#P8.1).
        this.#drop()
        this.#timers.clearTimeout(this.#retryTimer)
        this.#set('reconnecting', { attempt: this.#failures, cause: lost('The page was put aside') })
      },
    })
    this.#dial()
  }

  /** Makes an attempt. */
  #dial(): void {
    this.#drop()
    this.#timers.clearTimeout(this.#retryTimer)
    const { getToken, connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.#options
    const attempt: Attempt = { freshToken: this.#token === undefined }
    this.#current = attempt
    if (this.#keepMs > 0 && this.#timers.now() - this.#lostAt > this.#keepMs) this.#session.forget(this.#snapshot.cause)
    const { state, cause } = this.#snapshot
    this.#set(state === 'reconnecting' || state === 'degraded' ? state : 'connecting', { attempt: this.#failures, cause })
    // Whoever heard of the state may have ended it.
    if (this.#current !== attempt) return
    this.#watchTimer = this.#timers.setTimeout(() => this.#lost(attempt, lost(`No link within ${connectTimeoutMs} ms`)), connectTimeoutMs)
    if (!getToken || !attempt.freshToken) return this.#open(attempt)
    Promise.resolve()
      .then(getToken)
      .then(
        (token) => {
          if (this.#current !== attempt) return
          this.#token = token
          this.#open(attempt)
        },
        (error: unknown) => this.#lost(attempt, lost('`getToken` failed', error)),
      )
  }

  #open(attempt: Attempt): void {
    const Socket = this.#options.WebSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket
    if (!Socket) {
      const remediation = 'Pass one as option `WebSocket`, such as that of the package ws.'
      return this.#stop('failed', new PointsmanError('unsupported', 'This platform has no WebSocket', { remediation }))
    }
    let socket: WebSocketLike
    try {
      socket = new Socket(resolveUrl(this.#options.url) ?? '', [SUBPROTOCOL])
    } catch (cause) {
      return this.#stop('failed', new PointsmanError('bad_request', `No WebSocket can be made for this address: ${String(cause)}`, { cause }))
    }
    attempt.socket = socket
    socket.onopen = () => socket.send(this.#session.connect(this.#token))
    socket.onmessage = (event: { data: unknown }) => this.#receive(attempt, socket, event.data)
    socket.onclose = (event: { code: number; reason: string }) => this.#lost(attempt, attempt.closing ?? closeError(event.code, event.reason))
    socket.onerror = () => {
      // A close event follows, and says as much as there is to know.
    }
  }

  #receive(attempt: Attempt, socket: WebSocketLike, data: unknown): void {
    this.#heardAt = this.#timers.now()
    this.#quiet = false
    let frames: ServerFrame[]
    try {
      frames = [JSON.parse(data as string) as ServerFrame | ServerFrame[]].flat()
    } catch (cause) {
      // What it said is lost, so the session is no longer whole.
      this.#session.forget()
      return this.#lost(attempt, lost('The router sent what is no JSON', cause))
    }
    const [first, ...rest] = frames
    if (first?.op === 'ready') {
      this.#ready(first, socket)
      this.#session.receive(rest, 0, 0)
    } else if (first?.op === 'close') {
      attempt.closing = serverError(first)
    } else {
      this.#session.receive(frames, (data as string).length)
    }
  }

  #ready(frame: ReadyFrame, socket: WebSocketLike): void {
    this.#readyAt = this.#timers.now()
    this.#heartbeatMs = frame.heartbeat_ms
    this.#keepMs = frame.keep_ms
    this.#listen(2 * frame.heartbeat_ms)
    const { session, server } = frame
    this.#session.ready(frame, (text) => socket.send(text))
    if (this.#readyAt === undefined) return
    this.#set('connected', { attempt: 0, session, server })
    this.#settle()
  }

  /** A link on which nothing comes for so long from now on is taken for lost. */
  #listen(ms: number): void {
    this.#timers.clearTimeout(this.#watchTimer)
    this.#quiet = true
    const check = (): void => {
      if (this.#quiet) this.#lost(this.#current, lost(`Nothing was heard from the router for ${Math.round(this.#timers.now() - this.#heardAt)} ms`))
      // Silence is counted from the last sign of life (protocol.md#P7.1).
      else this.#listen(2 * this.#heartbeatMs - (this.#timers.now() - this.#heardAt))
    }
    this.#watchTimer = this.#timers.setTimeout(check, ms)
  }

  #lost(attempt: Attempt | undefined, cause: PointsmanError): void {
    if (!attempt || this.#current !== attempt) return
    const { number } = cause
    const refused = number === 3500 && this.#options.getToken && !attempt.freshToken
    if (number === 3005 || refused) this.#token = undefined
    else if (number !== undefined && number >= 3500) return this.#stop('failed', cause)
    this.#drop()
    this.handleReconnection(cause)
  }

  /** Lets go of the current attempt or link. */
  #drop(code?: number): void {
    const attempt = this.#current
    if (!attempt) return
    this.#timers.clearTimeout(this.#watchTimer)
    const now = this.#timers.now()
    if (this.#readyAt !== undefined) {
      if (now - this.#readyAt >= LASTING_MS) this.#failures = 0
      this.#lostAt = now
      this.#session.lost()
    }
    this.#readyAt = this.#current = undefined
    const { socket } = attempt
    if (!socket) return
    socket.onopen = socket.onmessage = socket.onclose = null
    socket.close(code)
  }

  #stop(state: 'closed' | 'failed', cause: PointsmanError, code?: number): void {
    this.#drop(code)
    this.#timers.clearTimeout(this.#retryTimer)
    this.#unwatchPage?.()
    this.#unwatchPage = undefined
    this.#token = undefined
    this.#keepMs = 0
    this.#session.end(cause)
    this.#set(state, { attempt: 0, cause })
    if (state === 'failed') queueMicrotask(() => this.#events.error.emit(cause))
    this.#settle(cause)
  }

  /** The page woke up: an attempt that waits is made now, a link that is there has to show that it lives. */
  #wake(): void {
    const { state } = this.#snapshot
    const waits = !this.#current && (state === 'reconnecting' || state === 'degraded')
    if (waits && this.#timers.now() >= this.#notBefore) this.#dial()
    if (this.#readyAt === undefined) return
    this.#session.ping()
    this.#listen(PROBE_ANSWER_MS)
  }

  #set(to: ConnectionState, next: Pick<ConnectionSnapshot, 'attempt' | 'nextDelayMs' | 'cause' | 'session' | 'server'>): void {
    const { state: from, gaps, session, server } = this.#snapshot
    const { attempt, nextDelayMs, cause } = next
    const known = to === 'closed' || to === 'failed' ? {} : { session, server }
    this.#snapshot = { ...known, state: to, link: 'websocket', gaps, ...next }
    this.#events.state.emit({ from, to, attempt, nextDelayMs, cause })
    if (to === 'degraded' && cause) this.#settle(cause)
  }

  #settle(error?: PointsmanError): void {
    for (const waiter of this.#waiters.splice(0)) {
      if (error) waiter.reject(error)
      else waiter.resolve()
    }
  }
}

function lost(message: string, cause?: unknown): PointsmanError {
  return new PointsmanError('connection_lost', message, { retryable: true, cause, remediation: 'Nothing: the client tries again by itself.' })
}

function inert(): PointsmanError {
  return new PointsmanError('closed', 'There is neither a page nor an absolute address', {
    remediation: 'Pass a ws: or wss: address as option `url`.',
  })
}

/** What the code of a WebSocket close says (protocol.md#P10). */
function closeError(code: number, reason: string): PointsmanError {
  const message = `The link was closed with code ${code}`
  // The WebSocket layer refuses messages that are too large with its own code.
  if (code === 1009) return serverError({ code: 3503, reason: 'too_large', message })
  return code >= 3000 && code < 4000 ? serverError({ code, reason, message }) : lost(message)
}
