import { useMemo, useSyncExternalStore } from 'react'
import type { Client, Events, Known, PayloadOf } from '../index'
import { useLatestRef } from './latest-ref'
import { useClient } from './provider'

/** Options of {@link useLatest}. */
export interface UseLatestOptions<T, S> {
  /** The part of the payload that is shown. Default: all of it. */
  select?: ((data: T) => S) | undefined
  /** Whether two parts are the same, so that nothing needs to render. Default `Object.is`. */
  equal?: ((a: S, b: S) => boolean) | undefined
  /** Before the first message. */
  initial?: S | undefined
}

/** Holds the last payload, and the part of it that was shown last. */
class LatestStore<T, S> {
  #client: Client
  #subject: string
  #select: (data: T) => S = (data) => data as unknown as S
  #data: T | undefined
  #selected: S | undefined
  #selectedFrom: { data: T; select: (data: T) => S } | undefined

  constructor(client: Client, subject: string) {
    this.#client = client
    this.#subject = subject
  }

  subscribe = (changed: () => void): (() => void) => {
    const subscription = this.#client.events.subscribe(this.#subject, (message) => {
      this.#data = message.data as T
      this.#has = true
      changed()
    })
    return () => subscription.unsubscribe()
  }

  #has = false

  /** The selected part; the same object as before where `equal` says so. */
  read({ select = this.#select, equal = Object.is, initial }: UseLatestOptions<T, S>): S | undefined {
    if (!this.#has) return initial
    const data = this.#data as T
    const from = this.#selectedFrom
    if (from && Object.is(from.data, data) && from.select === select) return this.#selected
    const selected = select(data)
    if (!from || !equal(this.#selected as S, selected)) this.#selected = selected
    this.#selectedFrom = { data, select }
    return this.#selected
  }
}

/** The last payload of a subject, or a part of it, while the component is mounted. Renders only if that part changed. */
export function useLatest<P extends Known<Events>, S = PayloadOf<Events, P>>(
  subject: P,
  options: UseLatestOptions<PayloadOf<Events, P>, S> & { initial: S },
): S
export function useLatest<P extends Known<Events>, S = PayloadOf<Events, P>>(
  subject: P,
  options?: UseLatestOptions<PayloadOf<Events, P>, S>,
): S | undefined
export function useLatest<P extends Known<Events>, S = PayloadOf<Events, P>>(
  subject: P,
  options: UseLatestOptions<PayloadOf<Events, P>, S> = {},
): S | undefined {
  const client = useClient()
  const store = useMemo(() => new LatestStore<PayloadOf<Events, P>, S>(client, subject), [client, subject])
  const first = useLatestRef(options.initial)
  return useSyncExternalStore(
    store.subscribe,
    () => store.read({ ...options, initial: first.current }),
    () => options.initial,
  )
}
