import { useEffect } from 'react'
import type { Events, Gap, Handler, Known, MessageOf } from '../index'
import { useLatestRef } from './latest-ref'
import { useClient } from './provider'

/** Options of {@link useEvent}. */
export interface UseEventOptions {
  /** Name of a queue group. */
  queue?: string | undefined
  /** False: not subscribed. Default true. */
  enabled?: boolean | undefined
  /** Told where messages were lost. */
  onGap?: ((gap: Gap) => void) | undefined
}

/**
 * Calls `handler` for each message while the component is mounted. It never renders, and it always calls the handler of the last
 * render: an inline function does not subscribe anew.
 */
export function useEvent<P extends Known<Events>>(pattern: P, handler: Handler<MessageOf<Events, P>>, options: UseEventOptions = {}): void {
  const client = useClient()
  const latest = useLatestRef({ handler, onGap: options.onGap })
  const { queue, enabled = true } = options
  useEffect(() => {
    if (!enabled) return undefined
    const subscription = client.events.subscribe(pattern, (message) => latest.current.handler(message), {
      queue,
      onGap: (gap) => latest.current.onGap?.(gap),
    })
    return () => subscription.unsubscribe()
  }, [client, pattern, queue, enabled, latest])
}
