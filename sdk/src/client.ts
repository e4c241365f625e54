import { EventBus } from './bus'
import type { Events } from './events'
import { WebSocketManager } from './manager'
import type { ClientOptions } from './options'

/** A connection and the bus on it. */
export interface Client<E = Events> {
  readonly events: EventBus<E>
  readonly connection: WebSocketManager
  /** Ends the connection, the session and every subscription. */
  close(): void
}

/** Makes a client. Nothing is opened before something is subscribed, published or requested, or `connection.connect()` is called. */
export function createClient<E = Events>(options: ClientOptions = {}): Client<E> {
  const connection = new WebSocketManager(options)
  const { carrier } = connection
  return {
    events: new EventBus<E>(carrier),
    connection,
    close() {
      connection.disconnect()
      carrier.registry.removeAll()
    },
  }
}
