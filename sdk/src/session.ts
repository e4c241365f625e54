import type { Carrier } from './carrier'
import { PointsmanError, serverError } from './error'
import type { Message } from './events'
import { Delivery, encodeBody, encodeFrame, type ErrorFrame, type ReadyFrame, type ServerFrame, type WireMessage, type WireSubscription } from './frames'
import type { Gap } from './gap'
import type { ClientOptions, PublishOptions, RequestOptions } from './options'
import { Outbox, type Outgoing } from './outbox'
import { Registry, type Wire } from './registry'
import { deferred } from './report'
import { ask, timeoutOf } from './request'
import { check } from './subject'
import type { Timers } from './timers'

const LINGER_MS = 1000
const OFFLINE_MAX = 256
const OFFLINE_MAX_LENGTH = 4 * 1024 * 1024
/** The router hears the count after so many wire messages, characters (of at most 3 bytes) or milliseconds (protocol.md#P7.3). */
const ACK_MESSAGES = 64
const ACK_LENGTH = 21 * 1024
const ACK_MS = 1000
/** Characters of the subscriptions in `connect`: the limit of a frame is not known yet, and often 64 KiB. */
const LIST_LENGTH = 16 * 1024
/** A subscription that the router refuses for now is tried again after this, doubled each time and jittered. */
const RETRY_MS = 1000
const RETRY_MAX_MS = 60_000

/** What a session needs of the connection around it. */
export interface SessionHost {
  /** Something wants a link. */
  use(): void
  /** Why nothing can be sent, now or ever, if so. */
  refusal(): PointsmanError | undefined
  error(error: PointsmanError): void
  gap(gap: Gap): void
}

/** Something the router will answer by number. */
interface Call {
  sent: boolean
  /** A subscribe: it is made again with the next session, and so never of unknown outcome. */
  wire?: Wire
  resolve(frame: WireMessage | undefined): void
  reject(error: PointsmanError): void
}

/** The state of the client that outlives its links (protocol.md#P1.1, P7, P8). */
export class Session implements Carrier {
  readonly registry: Registry
  #host: SessionHost
  #options: ClientOptions
  #timers: Timers
  #outbox: Outbox
  #id = 0
  #calls = new Map<number, Call>()
  /** Subscriptions that the router's session has, or will have once what was sent arrives. */
  #known = new Map<number, Wire>()
  /** Those of the `connect` that is on its way. */
  #announced: Wire[] = []
  #identity: Pick<ReadyFrame, 'session' | 'secret' | 'generation'> | undefined
  /** The router had a session of ours and it may have had deliveries. */
  #gone = false
  #open = false
  #received = 0
  #unackedMessages = 0
  #unackedLength = 0
  #ackTimer: unknown

  constructor(options: ClientOptions, timers: Timers, host: SessionHost) {
    this.#host = host
    this.#options = options
    this.#timers = timers
    const { max = OFFLINE_MAX, maxLength = OFFLINE_MAX_LENGTH, overflow = 'drop-oldest' } = options.offline ?? {}
    this.#outbox = new Outbox({ max, maxLength, overflow }, () => this.ping())
    const changed = (wire: Wire): void => {
      if (this.registry.wires.has(wire.sid)) host.use()
      this.#reconcile(wire)
    }
    this.registry = new Registry(timers, options.lingerMs ?? LINGER_MS, changed, (gap) => host.gap(gap))
  }

  publish(subject: string, data: unknown, options: PublishOptions): Promise<void> {
    const { ack, headers, reply, messageId } = options
    const done = deferred<void>()
    const id = ack ? ++this.#id : undefined
    const frame = { op: 'publish', id, subject, ...encodeBody(data), headers, reply, message_id: messageId }
    try {
      this.#send(subject, frame, id, {
        resolve: () => done.resolve(),
        reject: (error) => {
          done.reject(error)
          // Who asked for no `ok` may not look at the promise either, and still hears of it.
          if (!ack) this.#host.error(error)
        },
        sent: ack ? undefined : done.resolve,
      })
    } catch (error) {
      return Promise.reject(error as Error)
    }
    // The bookkeeping promise counts as handled; with `ack` the caller's own does not.
    return ack ? done.promise.then() : done.promise
  }

  async request(subject: string, data: unknown, options: RequestOptions): Promise<Message> {
    const timeoutMs = timeoutOf(options, this.#options.requestTimeoutMs)
    const id = ++this.#id
    const frame = { op: 'request', id, subject, ...encodeBody(data), headers: options.headers, timeout_ms: Math.ceil(timeoutMs) }
    return ask(subject, timeoutMs, options.signal, this.#timers, (answer) => {
      const item = this.#send(subject, frame, id, {
        resolve: (reply) => answer.resolve(new Delivery({ ...reply, subject }, this.#respond)),
        reject: answer.reject,
      })
      return (error) => {
        this.#outbox.cancel(item)
        item.fail(error)
      }
    })
  }

  /** The first frame of a link (protocol.md#P3.2, P8.2). */
  connect(token: string | undefined): string {
    const { name, echo } = this.#options
    this.#announced = []
    const subscribe: WireSubscription[] = []
    let left = LIST_LENGTH
    for (const wire of this.registry.wires.values()) {
      const spec = wire.spec()
      left -= encodeFrame(spec).length
      // What does not fit follows after `ready`.
      if (left < 0) break
      this.#announced.push(wire)
      subscribe.push(spec)
    }
    // Each attempt is newer than the ones before, also where the answer to one never came (protocol.md#P8.2).
    const known = this.#identity
    const attach = known && { session: known.session, secret: known.secret, generation: ++known.generation, received: this.#received }
    return JSON.stringify({ op: 'connect', version: 1, token, name, echo, subscribe, attach })
  }

  /** The server has greeted. */
  ready(frame: ReadyFrame, send: (text: string) => void): void {
    this.#identity = frame
    this.#outbox.frameMax = frame.limits.frame_bytes
    let lost: Wire[] = []
    if (frame.resumed) {
      this.#received += frame.skipped ?? 0
      if (frame.skipped) this.#unanswered()
      this.#outbox.open(send, frame.received)
    } else {
      lost = this.#renew(frame)
      this.#outbox.open(send)
    }
    this.#open = true
    for (const wire of new Set([...this.#known.values(), ...this.registry.wires.values()])) this.#reconcile(wire)
    // Last, for whoever hears of it may do anything; still before all that is delivered.
    this.registry.gap(lost, { reason: 'session_gone' })
  }

  /** Handles the frames of one wire message of `length` characters. All of them, whatever a handler does meanwhile. */
  receive(frames: readonly ServerFrame[], length: number, counted = 1): void {
    this.#received += counted
    this.#unackedMessages += counted
    this.#unackedLength += length
    for (const frame of frames) this.#frame(frame)
    if (!this.#open) return
    if (this.#unackedMessages >= ACK_MESSAGES || this.#unackedLength >= ACK_LENGTH) this.#acknowledge('pong')
    else if (this.#unackedMessages > 0) this.#ackTimer ??= this.#timers.setTimeout(() => this.#acknowledge('pong'), ACK_MS)
  }

  /** Asks the server for a sign of life and for its count. */
  ping(): void {
    this.#acknowledge('ping')
  }

  /** The link is going away. */
  lost(): void {
    this.#outbox.close()
    this.#open = false
    this.#stopAckTimer()
  }

  /** The session cannot be taken up any more: what is unanswered stays unknown (protocol.md#P8.4). */
  forget(cause?: PointsmanError): void {
    this.#gone ||= this.#identity !== undefined
    this.#identity = undefined
    const unknown = this.#unanswered(cause)
    const lost = this.#outbox.forget()
    if (lost > 0) this.#host.error(unknown(` for ${lost} publication${lost > 1 ? 's' : ''} sent without \`ack\``))
  }

  /** Answers to what was sent are lost with a session, or with what a session no longer held (protocol.md#P8.3). */
  #unanswered(cause?: PointsmanError): (what: string) => PointsmanError {
    const unknown = (what: string): PointsmanError =>
      new PointsmanError('outcome_unknown', `The router's answer is lost${what}`, {
        cause,
        remediation: 'It may have been carried out: only repeat what does no harm twice.',
      })
    for (const [id, call] of this.#calls) {
      if (!call.sent) continue
      this.#calls.delete(id)
      if (!call.wire) call.reject(unknown(''))
    }
    return unknown
  }

  /** The connection has ended and not only a link. */
  end(error: PointsmanError): void {
    this.forget(error)
    this.#gone = false
    this.#known.clear()
    this.#outbox.failAll(error)
    this.registry.postpone(error)
  }

  /** A new session took the place of an older one, or is the first. Returns the subscriptions that may have lost messages. */
  #renew(frame: ReadyFrame): Wire[] {
    const before = [...this.#known.values()]
    this.forget()
    this.#identity = frame
    this.#received = 0
    this.#known = new Map(this.#announced.map((wire) => [wire.sid, wire]))
    for (const { sid, ...refused } of frame.refused ?? []) this.#refuse(this.#known.get(sid), serverError(refused))
    for (const wire of this.#known.values()) this.registry.confirm(wire)
    const lost = this.#gone ? before.filter((wire) => this.registry.wires.has(wire.sid)) : []
    this.#gone = false
    return lost
  }

  #send(subject: string, frame: object, id: number | undefined, call: Omit<Call, 'sent'> & { sent?: (() => void) | undefined }): Outgoing {
    check(subject, 'subject')
    const text = encodeFrame(frame)
    const entry: Call = { ...call, sent: false }
    if (id !== undefined) this.#calls.set(id, entry)
    const item: Outgoing = {
      text,
      silent: id === undefined,
      sent: () => {
        entry.sent = true
        call.sent?.()
      },
      fail: (error) => {
        if (id !== undefined) this.#calls.delete(id)
        call.reject(error)
      },
    }
    const refusal = this.#host.refusal()
    if (refusal) {
      item.fail(refusal)
    } else {
      this.#host.use()
      this.#outbox.push(item)
    }
    return item
  }

  #respond = (subject: string, data: unknown, options: PublishOptions): Promise<void> => this.publish(subject, data, options)

  #frame(frame: ServerFrame): void {
    switch (frame.op) {
      case 'message':
        for (const wire of frame.messages) {
          const message = new Delivery(wire, this.#respond)
          for (const sid of frame.sids) this.registry.wires.get(sid)?.deliver(message)
        }
        break
      case 'ok':
        this.#take(frame.id)?.resolve(undefined)
        break
      case 'reply':
        this.#take(frame.id)?.resolve({ ...frame, subject: '' })
        break
      case 'error':
        this.#error(frame)
        break
      case 'gap': {
        const { sids, lost, reason } = frame
        this.registry.gap(
          sids.map((sid) => this.registry.wires.get(sid)),
          { lost, reason },
        )
        break
      }
      case 'ping':
      case 'pong':
        this.#outbox.confirm(frame.received)
        if (frame.op === 'ping') this.#acknowledge('pong')
        break
      default:
        // A frame of a later version that nobody asked for.
        break
    }
  }

  #take(id: number | undefined): Call | undefined {
    const call = id === undefined ? undefined : this.#calls.get(id)
    if (id !== undefined) this.#calls.delete(id)
    return call
  }

  #error(frame: ErrorFrame): void {
    const error = serverError(frame)
    if (frame.sid !== undefined) return this.#refuse(this.#known.get(frame.sid), error)
    const call = this.#take(frame.id)
    if (call) call.reject(error)
    else if (frame.id === undefined) this.#host.error(error)
  }

  /** Makes the router's subscription the same as ours. */
  #reconcile(wire: Wire): void {
    const { sid } = wire
    const wanted = this.registry.wires.has(sid)
    if (!this.#open || wanted === this.#known.has(sid)) return
    if (!wanted) {
      this.#known.delete(sid)
      // One that has used up its maximum has ended at the router as well.
      if (wire.left === undefined || wire.left > 0) this.#outbox.control({ op: 'unsubscribe', sid })
      return
    }
    this.#known.set(sid, wire)
    const id = ++this.#id
    this.#calls.set(id, {
      sent: true,
      wire,
      resolve: () => this.registry.confirm(wire),
      reject: (error) => this.#refuse(wire, error),
    })
    this.#outbox.control({ op: 'subscribe', id, ...wire.spec() })
  }

  #refuse(wire: Wire | undefined, error: PointsmanError): void {
    if (!wire || !this.#known.delete(wire.sid) || !this.registry.wires.has(wire.sid)) return
    wire.active = false
    if (error.number !== undefined && error.number >= 300) {
      this.#timers.clearTimeout(wire.timer)
      const again = (): void => (wire.members.length > 0 ? this.#reconcile(wire) : this.registry.remove(wire))
      const backoff = Math.min(RETRY_MS * 2 ** wire.refusals++, RETRY_MAX_MS) * (0.5 + this.#timers.random() / 2)
      wire.timer = this.#timers.setTimeout(again, Math.max(error.retryAfterMs ?? 0, backoff))
    } else {
      this.registry.remove(wire, error)
    }
    this.#host.error(error)
  }

  #acknowledge(op: 'ping' | 'pong'): void {
    this.#stopAckTimer()
    this.#unackedMessages = this.#unackedLength = 0
    this.#outbox.control({ op, received: this.#received })
  }

  #stopAckTimer(): void {
    this.#timers.clearTimeout(this.#ackTimer)
    this.#ackTimer = undefined
  }
}
