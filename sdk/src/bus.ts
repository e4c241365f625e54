import type { Carrier } from './carrier'
import type { Events, Known, Message, MessageOf, PayloadOf } from './events'
import { LocalCarrier } from './local'
import type { PublishOptions, RequestOptions, SubscribeOptions } from './options'
import type { Handler, Subscription } from './subscription'

/**
 * Publishes and subscribes. `client.events` stands on a connection; `new EventBus()` alone is a bus within this program.
 *
 * `E` maps subjects to payloads. Subjects that it does not know carry `unknown`.
 */
export class EventBus<E = Events> {
  #carrier: Carrier

  constructor(carrier: Carrier = new LocalCarrier()) {
    this.#carrier = carrier
  }

  /**
   * Resolves when the message was handed to the link, or with `ack` when the router has accepted it. Without `ack` a failure that
   * the connection causes is told by `on('error')` as well, and the promise may be left alone.
   */
  publish<S extends Known<E>>(subject: S, data: PayloadOf<E, S>, options: PublishOptions = {}): Promise<void> {
    return this.#carrier.publish(subject, data, options)
  }

  /**
   * Subscribes to a subject or a pattern: `*` is one token, `>` the rest. Handlers of one pattern and queue share one subscription at
   * the router. Without a handler, iterate over what it returns. Throws `bad_pattern`.
   */
  subscribe<P extends Known<E>>(pattern: P, handler?: Handler<MessageOf<E, P>>, options?: SubscribeOptions): Subscription<MessageOf<E, P>> {
    // The registry knows nothing of types: what a subject carries is the program's promise.
    return this.#carrier.registry.subscribe(pattern, handler as Handler | undefined, options) as Subscription<MessageOf<E, P>>
  }

  /** Ends one subscription, or all to a pattern, or those of one handler to a pattern. */
  unsubscribe<P extends Known<E>>(target: Subscription<MessageOf<E, P>> | P, handler?: Handler<MessageOf<E, P>>): void {
    this.#carrier.registry.unsubscribe(target as Subscription | string, handler as Handler | undefined)
  }

  /** Resolves with the first answer. Rejects with `no_responders` at once when nobody is subscribed, with `timeout_local` when nobody answers. */
  request<T = unknown, S extends Known<E> = Known<E>>(subject: S, data: PayloadOf<E, S>, options: RequestOptions = {}): Promise<Message<T>> {
    return this.#carrier.request(subject, data, options) as Promise<Message<T>>
  }
}
