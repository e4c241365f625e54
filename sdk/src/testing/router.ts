import { matches, type Gap, type HeadersInput, type WebSocketConstructor } from '../index'
import { CLOSE_CODES, CODES, type Closing, type Refusal } from './codes'
import { FakeTimers, settle } from './fake-timers'
import { Network, webSocketOf, type Link, type LinkEnd } from './network'
import { RouterSession, type RoutedMessage, type RouterSubscription } from './router-session'

/** Options of {@link TestRouter}. */
export interface TestRouterOptions {
  timers?: FakeTimers
  /** In milliseconds. Default 25,000. */
  heartbeatMs?: number
  /** How long a session without a link is kept, in milliseconds. Default 30,000. */
  keepMs?: number
  /** Largest wire message of a client, in bytes. Default 65,536. */
  frameBytes?: number
  /** Subscriptions of a session. Default 1,000. */
  subscriptionsMax?: number
  /** Wire messages kept for a client until it confirms them. Default 1,024. */
  resendMessages?: number
}

/** What a client asks, for {@link TestRouter.policy}. */
export type ClientRequest = { op: 'publish' | 'request'; subject: string; data?: unknown } | { op: 'subscribe'; pattern: string; queue?: string }

/** A session to take up (protocol.md#P8.2). */
interface Attach {
  session: string
  secret: string
  generation: number
  received: number
}

interface ClientFrame extends RoutedMessage {
  op: string
  id?: number
  sid?: number
  pattern?: string
  queue?: string
  max?: number
  received?: number
  version?: number
  token?: string
  echo?: boolean
  subscribe?: { sid: number; pattern: string; queue?: string; max?: number }[]
  attach?: Attach
  message_id?: string
  timeout_ms?: number
}

interface WaitingRequest {
  session: RouterSession
  id: number
  timer: unknown
}

const PUBLISHED_MAX = 10_000
const REQUEST_TIMEOUT_MS = 5000

/**
 * A Pointsman router in memory that speaks `pointsman.v1.json` to clients whose `WebSocket` is {@link TestRouter.WebSocket}.
 *
 * Its clock is a {@link FakeTimers}: nothing happens before `idle()` or `timers.advance()`. Subjects, patterns, queue groups, requests, sessions,
 * resending, gaps and heartbeats are those of the protocol; there are no users and no stores.
 */
export class TestRouter {
  readonly timers: FakeTimers
  readonly network: Network
  /** Pass it to clients. */
  readonly WebSocket: WebSocketConstructor
  /** The last 10,000 publications that were accepted. */
  readonly published: RoutedMessage[] = []
  /** Asked for each publish, request and subscribe; what it returns is the answer. */
  policy: ((request: ClientRequest) => Refusal | undefined) | undefined
  /** Asked for each connect; what it returns closes the link. */
  authenticate: ((token: string | undefined) => Closing | undefined) | undefined
  #options: Required<Omit<TestRouterOptions, 'timers'>>
  #sessions = new Map<string, RouterSession>()
  #responders = new Set<{ pattern: string; answer: (message: RoutedMessage) => unknown }>()
  #requests = new Map<string, WaitingRequest>()
  #count = 0
  #turn = 0

  constructor(options: TestRouterOptions = {}) {
    const { timers = new FakeTimers(), heartbeatMs = 25_000, keepMs = 30_000, frameBytes = 65_536, subscriptionsMax = 1000, resendMessages = 1024 } = options
    this.#options = { heartbeatMs, keepMs, frameBytes, subscriptionsMax, resendMessages }
    this.timers = timers
    this.network = new Network(timers, (link) => this.#accept(link))
    this.WebSocket = webSocketOf(this.network)
  }

  /** Subscriptions of all sessions, kept ones included. */
  get subscriptions(): RouterSubscription[] {
    return [...this.#sessions.values()].flatMap((session) => [...session.subscriptions.values()])
  }

  /** Sessions, kept ones included. */
  get sessions(): number {
    return this.#sessions.size
  }

  /** Publishes as somebody else would. */
  publish(subject: string, data?: unknown, options: { headers?: HeadersInput; reply?: string } = {}): void {
    const { headers, reply } = options
    this.#route({
      subject,
      ...(data === undefined ? {} : { data }),
      ...(headers ? { headers: headers as Record<string, string | string[]> } : {}),
      ...(reply === undefined ? {} : { reply }),
    })
  }

  /** Answers requests on a pattern as somebody else would: with what `answer` returns, or not at all for `undefined`. Returns what stops it. */
  respond(pattern: string, answer: (message: RoutedMessage) => unknown): () => void {
    const responder = { pattern, answer }
    this.#responders.add(responder)
    return () => this.#responders.delete(responder)
  }

  /** Tells a gap to every subscription that matches `subject`. */
  gap(subject: string, gap: Omit<Gap, 'patterns'> = { reason: 'slow_consumer' }): void {
    for (const session of this.#sessions.values()) {
      const sids = [...session.subscriptions.values()].filter(({ pattern }) => matches(pattern, subject)).map(({ sid }) => sid)
      session.gap(sids, gap, this.timers.now())
    }
  }

  /** Ends every link as the router does it, and with it every session, as a router that drains or refuses does (protocol.md#P8.1). */
  close(closing: Closing): void {
    for (const session of this.#sessions.values()) {
      if (session.link) this.#closeLink(session.link, closing)
      this.#end(session)
    }
  }

  /** Forgets every session and cuts every link, as a node that was killed and started anew. */
  restart(): void {
    for (const session of this.#sessions.values()) this.#end(session)
    this.network.cut()
  }

  /** Waits until nothing is on its way any more: messages have arrived and promises have had their turn. Lets time pass only for latency. */
  async idle(): Promise<void> {
    await settle()
    for (let next = this.timers.nextAt; next !== undefined && (this.network.inFlight > 0 || next <= this.timers.now()); next = this.timers.nextAt) {
      await this.timers.advance(Math.max(0, next - this.timers.now()))
    }
  }

  // --- links ---

  #accept(link: Link): LinkEnd {
    let session: RouterSession | undefined
    if (!link.socket.protocols.includes('pointsman.v1.json')) {
      this.#closeLink(link, { reason: 'protocol', message: 'No subprotocol that this router speaks was offered' })
    }
    return {
      message: (text) => {
        if (new TextEncoder().encode(text).length > this.#options.frameBytes) {
          if (session) this.#end(session)
          return link.close(1009)
        }
        const frames = [JSON.parse(text) as ClientFrame | ClientFrame[]].flat()
        // An older link of the session has no say any more (protocol.md#P8.2).
        if (session && session.link !== link) return
        if (session) session.received += 1
        else session = this.#connect(link, frames.shift())
        if (!session) return
        session.heardAt = this.timers.now()
        for (const frame of frames) this.#frame(session, frame)
      },
      closed: (code) => {
        if (!session || session.link !== link) return
        session.link = undefined
        const ended = session
        if (code === 1000 || code === 1001) this.#end(session)
        else session.keepTimer = this.timers.setTimeout(() => this.#end(ended), this.#options.keepMs)
      },
    }
  }

  #connect(link: Link, frame: ClientFrame | undefined): RouterSession | undefined {
    const refused = (closing: Closing): undefined => this.#closeLink(link, closing)
    if (frame?.op !== 'connect') return refused({ reason: 'protocol', message: 'The first frame must be `connect`' })
    if (frame.version !== 1) return refused({ reason: 'version' })
    const closing = this.authenticate?.(frame.token)
    if (closing) return refused(closing)
    const { attach } = frame
    const session = attach && this.#sessions.get(attach.session)
    let reason: string | undefined
    if (attach) {
      if (!session) reason = 'session_gone'
      else if (session.secret !== attach.secret) reason = 'attach_refused'
      else if (attach.generation <= session.generation) reason = 'stale_generation'
      else return this.#takeUp(session, link, attach)
    }
    return this.#create(link, frame, reason)
  }

  #takeUp(session: RouterSession, link: Link, attach: Attach): RouterSession | undefined {
    if (session.link) this.#closeLink(session.link, { reason: 'superseded' })
    this.timers.clearTimeout(session.keepTimer)
    session.generation = attach.generation
    if (!session.attach(link, attach.received, (skipped) => this.#ready(session, { resumed: true, skipped }))) {
      this.#end(session)
      return this.#closeLink(link, { reason: 'protocol', message: 'More was received than was sent' })
    }
    this.#beat(session, link)
    return session
  }

  #create(link: Link, frame: ClientFrame, reason: string | undefined): RouterSession {
    const number = ++this.#count
    const session = new RouterSession(`session-${number}`, `secret-${number}`, frame.echo ?? true, this.#options.resendMessages)
    this.#sessions.set(session.id, session)
    const refused: object[] = []
    for (const wanted of frame.subscribe ?? []) {
      const refusal = this.#subscribe(session, wanted)
      if (refusal) refused.push({ sid: wanted.sid, code: CODES[refusal.reason], reason: refusal.reason, message: refusal.message ?? 'Refused' })
    }
    session.attach(link, 0, () => this.#ready(session, { refused, ...(reason === undefined ? {} : { reason }) }))
    this.#beat(session, link)
    return session
  }

  #ready(session: RouterSession, more: object): object {
    const { heartbeatMs, keepMs, frameBytes, subscriptionsMax, resendMessages } = this.#options
    return {
      op: 'ready',
      version: 1,
      session: session.id,
      secret: session.secret,
      generation: session.generation,
      resumed: false,
      received: session.received,
      skipped: 0,
      node: 'node-1',
      server: 'pointsman-test/1',
      heartbeat_ms: heartbeatMs,
      keep_ms: keepMs,
      limits: {
        frame_bytes: frameBytes,
        payload_bytes: frameBytes,
        subject_bytes: 256,
        subscriptions: subscriptionsMax,
        requests: 100,
        resend_frames: resendMessages,
        resend_bytes: 262_144,
      },
      features: [],
      refused: [],
      ...more,
    }
  }

  /** protocol.md#P7.1 */
  #beat(session: RouterSession, link: Link): void {
    const { heartbeatMs } = this.#options
    session.heardAt = session.sentAt = this.timers.now()
    const beat = (): void => {
      if (session.link !== link) return
      const now = this.timers.now()
      if (now - session.heardAt > 2 * heartbeatMs + 5000) {
        session.link = undefined
        session.keepTimer = this.timers.setTimeout(() => this.#end(session), this.#options.keepMs)
        return this.#closeLink(link, { reason: 'heartbeat' })
      }
      if (now - session.sentAt >= heartbeatMs) session.send({ op: 'ping', received: session.received }, now)
      this.timers.setTimeout(beat, heartbeatMs)
    }
    this.timers.setTimeout(beat, heartbeatMs)
  }

  #closeLink(link: Link, { reason, message = reason, retryAfterMs }: Closing): undefined {
    const code = CLOSE_CODES[reason]
    link.send(JSON.stringify({ op: 'close', code, reason, message, ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }) }))
    link.close(code, reason)
  }

  #end(session: RouterSession): void {
    this.timers.clearTimeout(session.keepTimer)
    session.link = undefined
    this.#sessions.delete(session.id)
  }

  // --- frames ---

  #frame(session: RouterSession, frame: ClientFrame): void {
    const now = this.timers.now()
    switch (frame.op) {
      case 'subscribe': {
        const { sid = 0, pattern = '' } = frame
        return this.#answer(session, frame, this.#subscribe(session, { ...frame, sid, pattern }))
      }
      case 'unsubscribe':
        return this.#unsubscribe(session, frame)
      case 'publish': {
        const { op: _op, id: _id, message_id: _messageId, ...message } = frame
        const refusal = this.policy?.({ op: 'publish', subject: frame.subject, data: frame.data })
        if (refusal) return this.#answer(session, frame, refusal)
        const reached = this.#route(message, session)
        const nobody = frame.reply !== undefined && reached === 0
        return this.#answer(session, frame, nobody ? { reason: 'no_responders' } : undefined)
      }
      case 'request':
        return this.#request(session, frame)
      case 'ping':
        session.confirm(frame.received ?? 0)
        return session.send({ op: 'pong', received: session.received }, now)
      case 'pong':
        return session.confirm(frame.received ?? 0)
      default:
        return this.#answer(session, frame, { reason: 'unknown_op', message: `There is no operation ${frame.op}` })
    }
  }

  #answer(session: RouterSession, frame: Pick<ClientFrame, 'id' | 'sid'>, refusal: Refusal | undefined): void {
    const { id, sid } = frame
    const now = this.timers.now()
    if (!refusal) {
      if (id !== undefined) session.send({ op: 'ok', id }, now)
      return
    }
    const { reason, message = `Refused: ${reason}`, retryAfterMs } = refusal
    const about = id !== undefined ? { id } : sid !== undefined ? { sid } : {}
    session.send({ op: 'error', ...about, code: CODES[reason], reason, message, ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }) }, now)
  }

  #subscribe(session: RouterSession, wanted: { sid: number; pattern: string; queue?: string; max?: number }): Refusal | undefined {
    const { sid, pattern, queue, max } = wanted
    const refusal = this.policy?.({ op: 'subscribe', pattern, ...(queue === undefined ? {} : { queue }) })
    if (refusal) return refusal
    if (session.subscriptions.has(sid)) return { reason: 'sid_in_use' }
    if (session.subscriptions.size >= this.#options.subscriptionsMax) return { reason: 'too_many_subscriptions' }
    session.subscriptions.set(sid, { sid, pattern, delivered: 0, ...(queue === undefined ? {} : { queue }), ...(max === undefined ? {} : { left: max }) })
    return undefined
  }

  #unsubscribe(session: RouterSession, frame: ClientFrame): void {
    const subscription = session.subscriptions.get(frame.sid ?? 0)
    if (!subscription) return this.#answer(session, frame, { reason: 'unknown_sid' })
    if (frame.max === undefined || frame.max <= 0) session.subscriptions.delete(subscription.sid)
    else subscription.left = frame.max
    this.#answer(session, { ...(frame.id === undefined ? {} : { id: frame.id }) }, undefined)
  }

  #request(session: RouterSession, frame: ClientFrame): void {
    const { id = 0, subject, timeout_ms: timeoutMs = REQUEST_TIMEOUT_MS } = frame
    const refusal = this.policy?.({ op: 'request', subject, data: frame.data })
    if (refusal) return this.#answer(session, frame, refusal)
    const reply = `_R.test.${session.id}.${id}`
    const timer = this.timers.setTimeout(() => {
      this.#requests.delete(reply)
      this.#answer(session, frame, { reason: 'timeout' })
    }, timeoutMs)
    this.#requests.set(reply, { session, id, timer })
    const { op: _op, id: _id, timeout_ms: _timeoutMs, ...message } = frame
    if (this.#route({ ...message, reply }, session) > 0) return
    this.timers.clearTimeout(timer)
    this.#requests.delete(reply)
    this.#answer(session, frame, { reason: 'no_responders', message: `Nobody is subscribed to \`${subject}\`` })
  }

  // --- routing ---

  /** Delivers to all that match and to one of each queue group. Returns how many that were. */
  #route(message: RoutedMessage, from?: RouterSession): number {
    const { subject } = message
    const request = this.#requests.get(subject)
    if (request) return this.#reply(subject, request, message)
    if (/^[$_]/.test(subject) && from && !subject.startsWith('_INBOX.')) return 0
    if (this.published.push(message) > PUBLISHED_MAX) this.published.shift()
    const chosen = new Map<RouterSession, number[]>()
    const groups = new Map<string, [RouterSession, number][]>()
    let reached = 0
    const choose = (session: RouterSession, sid: number): void => {
      chosen.set(session, [...(chosen.get(session) ?? []), sid])
      reached += 1
    }
    for (const session of this.#sessions.values()) {
      if (session === from && !session.echo) continue
      for (const { sid, pattern, queue } of session.subscriptions.values()) {
        if (!matches(pattern, subject)) continue
        if (queue === undefined) choose(session, sid)
        else groups.set(queue, [...(groups.get(queue) ?? []), [session, sid]])
      }
    }
    for (const members of groups.values()) {
      const member = members[this.#turn++ % members.length]
      if (member) choose(...member)
    }
    const now = this.timers.now()
    for (const [session, sids] of chosen) session.deliver(sids, message, now)
    return reached + this.#respond(message)
  }

  #respond(message: RoutedMessage): number {
    let reached = 0
    for (const { pattern, answer } of this.#responders) {
      if (!matches(pattern, message.subject)) continue
      reached += 1
      const data = answer(message)
      const { reply } = message
      // Behind the turn, as an answer from elsewhere would come.
      if (data !== undefined && reply !== undefined) this.timers.setTimeout(() => this.#route({ subject: reply, data }), 0)
    }
    return reached
  }

  /** The first answer is taken, later ones are dropped (protocol.md#P6.3). */
  #reply(subject: string, { session, id, timer }: WaitingRequest, message: RoutedMessage): number {
    this.timers.clearTimeout(timer)
    this.#requests.delete(subject)
    const { subject: _subject, reply: _reply, ...body } = message
    session.send({ op: 'reply', id, ...body }, this.timers.now())
    return 1
  }
}
