import type { Gap } from '../index'
import type { Link } from './network'

/** Body, headers and reply of a publication, as they stand in frames. */
export interface RoutedMessage {
  subject: string
  data?: unknown
  text?: string
  base64?: string
  headers?: Record<string, string | string[]>
  reply?: string
}

/** One subscription of a session. */
export interface RouterSubscription {
  readonly sid: number
  readonly pattern: string
  readonly queue?: string
  /** Deliveries that are left, if there is a maximum. */
  left?: number
  /** Deliveries made. */
  delivered: number
}

/** A client's state at the router (protocol.md#P7.2, P8): it outlives links. */
export class RouterSession {
  readonly id: string
  readonly secret: string
  readonly echo: boolean
  readonly subscriptions: Map<number, RouterSubscription> = new Map()
  generation = 1
  received = 0
  link: Link | undefined
  /** Ends the session when nobody takes it up. */
  keepTimer: unknown
  heardAt = 0
  sentAt = 0
  #logMax: number
  /** Number of the last wire message that is not in the log any more. */
  #base = 0
  #log: string[] = []

  constructor(id: string, secret: string, echo: boolean, logMax: number) {
    this.id = id
    this.secret = secret
    this.echo = echo
    this.#logMax = logMax
  }

  /** Sends a counted wire message, or keeps it until there is a link. */
  send(frame: object, now: number): void {
    const text = JSON.stringify(frame)
    this.#log.push(text)
    if (this.#log.length > this.#logMax) {
      this.#log.shift()
      this.#base += 1
    }
    this.sentAt = now
    this.link?.send(text)
  }

  /** The client has received so many wire messages. */
  confirm(received: number): void {
    const count = Math.min(received - this.#base, this.#log.length)
    if (count <= 0) return
    this.#base += count
    this.#log.splice(0, count)
  }

  /** Takes a new link; `greet` gets the number of messages that the client cannot have any more. False if the client claims too much. */
  attach(link: Link, received: number, greet: (skipped: number) => object): boolean {
    if (received > this.#base + this.#log.length) return false
    this.confirm(received)
    const skipped = Math.max(0, this.#base - received)
    this.link = link
    link.send(JSON.stringify(greet(skipped)))
    const sids = [...this.subscriptions.keys()]
    if (skipped > 0 && sids.length > 0) this.#log.unshift(JSON.stringify({ op: 'gap', sids, reason: 'resend_overflow' }))
    for (const text of this.#log) link.send(text)
    return true
  }

  deliver(sids: number[], message: RoutedMessage, now: number): void {
    sids.sort((a, b) => a - b)
    this.send({ op: 'message', sids, messages: [message] }, now)
    for (const sid of sids) {
      const subscription = this.subscriptions.get(sid)
      if (!subscription) continue
      subscription.delivered += 1
      if (subscription.left !== undefined && --subscription.left <= 0) this.subscriptions.delete(sid)
    }
  }

  gap(sids: number[], gap: Omit<Gap, 'patterns'>, now: number): void {
    if (sids.length > 0) this.send({ op: 'gap', sids, ...gap }, now)
  }
}
