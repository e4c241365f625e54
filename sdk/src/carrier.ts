import type { Message } from './events'
import type { PublishOptions, RequestOptions } from './options'
import type { Registry } from './registry'

/** What an `EventBus` stands on: a connection, or nothing but memory. */
export interface Carrier {
  readonly registry: Registry
  publish(subject: string, data: unknown, options: PublishOptions): Promise<void>
  request(subject: string, data: unknown, options: RequestOptions): Promise<Message>
}
