/// <reference lib="esnext.disposable" preserve="true" />
import { aborted, PointsmanError } from './error'
import type { Message } from './events'
import type { Gap } from './gap'
import type { SubscribeOptions } from './options'
import { deferred, report, type Deferred } from './report'

/** `pending` until the router has confirmed it once, `closed` after `unsubscribe`, `max`, a refusal or `close`. */
export type SubscriptionState = 'pending' | 'active' | 'closed'

/** A pattern with a handler, or to iterate over: `for await (const message of subscription)`. Leaving the loop unsubscribes. */
export interface Subscription<M extends Message = Message> extends AsyncIterable<M>, Disposable {
  readonly pattern: string
  readonly state: SubscriptionState
  /** Resolves when the router has confirmed it; rejects when it refuses, or when the subscription ends before. */
  readonly ready: Promise<void>
  unsubscribe(): void
}

/** Called for each message, in order. What it throws is reported to the platform and stops nothing. */
export type Handler<M extends Message = Message> = (message: M) => void

const BUFFER_MAX = 1024

/** What a member is part of: one subscription at the router. */
export interface Membership {
  readonly pattern: string
  leave(member: Member, error?: PointsmanError): void
}

/** One subscriber of a wire subscription. */
export class Member implements Subscription, AsyncIterator<Message> {
  readonly pattern: string
  readonly handler: Handler | undefined
  state: SubscriptionState = 'pending'
  #wire: Membership
  #options: SubscribeOptions
  #ready: Deferred<void> = deferred()
  /** What waits for the iterator; absent while nobody iterates and there is a handler. */
  #buffer: Message[] | undefined
  #waiting: Deferred<IteratorResult<Message>>[] = []
  #lost = 0
  #error: PointsmanError | undefined
  #gapTold: (gap: Gap) => void
  #abort: () => void = () => this.#wire.leave(this, aborted('subscription', this.pattern))

  constructor(wire: Membership, handler: Handler | undefined, options: SubscribeOptions, gapTold: (gap: Gap) => void) {
    this.pattern = wire.pattern
    this.handler = handler
    this.#wire = wire
    this.#options = options
    this.#gapTold = gapTold
    if (!handler) this.#buffer = []
    options.signal?.addEventListener('abort', this.#abort)
  }

  get ready(): Promise<void> {
    return this.#ready.promise
  }

  unsubscribe(): void {
    this.#wire.leave(this)
  }

  [Symbol.dispose](): void {
    this.unsubscribe()
  }

  /** The router has confirmed the subscription. */
  confirm(): void {
    if (this.state !== 'pending') return
    this.state = 'active'
    this.#ready.resolve()
  }

  /** The connection ended for good before the confirmation; another `connect()` starts another wait. */
  postpone(error: PointsmanError): void {
    if (this.state !== 'pending') return
    this.#ready.reject(error)
    this.#ready = deferred()
  }

  deliver(message: Message): void {
    if (this.state === 'closed') return
    if (this.handler) {
      try {
        // A handler may be async although its type says nothing of it.
        const result: unknown = this.handler(message)
        if (result instanceof Promise) result.catch(report)
      } catch (error) {
        report(error)
      }
    }
    if (!this.#buffer) return
    const waiting = this.#waiting.shift()
    if (waiting) return waiting.resolve({ done: false, value: message })
    if (this.#buffer.length >= (this.#options.bufferMax ?? BUFFER_MAX)) {
      this.#buffer.shift()
      this.#lost += 1
    }
    this.#buffer.push(message)
  }

  tellGap(gap: Gap): void {
    try {
      this.#options.onGap?.(gap)
    } catch (error) {
      report(error)
    }
  }

  /** Only for what it was part of, which has let go of this member. */
  end(error?: PointsmanError): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.#error = error
    this.#options.signal?.removeEventListener('abort', this.#abort)
    this.#ready.reject(error ?? new PointsmanError('closed', `The subscription to \`${this.pattern}\` has ended`))
    for (const waiting of this.#waiting.splice(0)) this.#finish(waiting)
  }

  /** There is one iterator: two loops over one subscription share its messages. */
  [Symbol.asyncIterator](): AsyncIterator<Message> {
    this.#buffer ??= []
    return this
  }

  next(): Promise<IteratorResult<Message>> {
    if (this.#lost > 0) {
      // Told here and not when it happened: the loss lies before the message that comes next.
      const gap: Gap = { patterns: [this.pattern], lost: this.#lost, reason: 'slow_consumer' }
      this.#lost = 0
      this.tellGap(gap)
      this.#gapTold(gap)
    }
    const value = this.#buffer?.shift()
    if (value) return Promise.resolve({ done: false, value })
    const next = deferred<IteratorResult<Message>>()
    if (this.state === 'closed') this.#finish(next)
    else this.#waiting.push(next)
    return next.promise
  }

  return(): Promise<IteratorResult<Message>> {
    this.unsubscribe()
    this.#buffer = []
    return Promise.resolve({ done: true, value: undefined })
  }

  /** An error is thrown once; behind it, as behind any end, there is nothing. */
  #finish(next: Deferred<IteratorResult<Message>>): void {
    if (this.#error) next.reject(this.#error)
    else next.resolve({ done: true, value: undefined })
    this.#error = undefined
  }
}
