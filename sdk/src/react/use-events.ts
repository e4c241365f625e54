import { useMemo, useSyncExternalStore } from 'react'
import type { Client, Events, Known, MessageOf } from '../index'
import { useClient } from './provider'

/** Options of {@link useEvents}. */
export interface UseEventsOptions {
  /** How many of the last messages are kept. Default 100. */
  limit?: number | undefined
  /** When to render: once a frame of the screen (default), or for each message. */
  flush?: 'raf' | 'sync' | undefined
}

const LIMIT = 100
const NONE: readonly never[] = []

/** The last messages, shown as a list that is replaced when it is flushed. */
class EventsStore<M> {
  #client: Client
  #pattern: string
  #limit: number
  #sync: boolean
  #kept: M[] = []
  #shown: readonly M[] = NONE

  constructor(client: Client, pattern: string, limit: number, sync: boolean) {
    this.#client = client
    this.#pattern = pattern
    this.#limit = limit
    this.#sync = sync
  }

  get = (): readonly M[] => this.#shown

  subscribe = (changed: () => void): (() => void) => {
    let cancel: (() => void) | undefined
    const flush = (): void => {
      cancel = undefined
      this.#trim()
      this.#shown = [...this.#kept]
      changed()
    }
    const subscription = this.#client.events.subscribe(this.#pattern, (message) => {
      this.#kept.push(message as M)
      // A page that is not looked at gets no frames: what is kept stays bounded without them.
      if (this.#kept.length >= 2 * this.#limit) this.#trim()
      if (this.#sync) flush()
      else cancel ??= nextFrame(flush)
    })
    return () => {
      cancel?.()
      cancel = undefined
      subscription.unsubscribe()
    }
  }

  #trim(): void {
    if (this.#kept.length > this.#limit) this.#kept.splice(0, this.#kept.length - this.#limit)
  }
}

function nextFrame(callback: () => void): () => void {
  if (typeof requestAnimationFrame !== 'function') {
    const timer = setTimeout(callback, 16)
    return () => clearTimeout(timer)
  }
  const frame = requestAnimationFrame(callback)
  return () => cancelAnimationFrame(frame)
}

/** The last `limit` messages of a pattern, oldest first, while the component is mounted. Another pattern, limit or flush starts anew. */
export function useEvents<P extends Known<Events>>(pattern: P, options: UseEventsOptions = {}): readonly MessageOf<Events, P>[] {
  const client = useClient()
  const { limit = LIMIT, flush = 'raf' } = options
  const store = useMemo(() => new EventsStore<MessageOf<Events, P>>(client, pattern, limit, flush === 'sync'), [client, pattern, limit, flush])
  return useSyncExternalStore(store.subscribe, store.get, () => NONE)
}
