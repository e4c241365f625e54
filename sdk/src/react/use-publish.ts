import { useCallback } from 'react'
import type { Events, Known, PayloadOf, PublishOptions } from '../index'
import { useClient } from './provider'

/** A function that publishes to `subject`; the same one in every render. */
export function usePublish<S extends Known<Events>>(subject: S): (data: PayloadOf<Events, S>, options?: PublishOptions) => Promise<void> {
  const { events } = useClient()
  return useCallback((data: PayloadOf<Events, S>, options?: PublishOptions) => events.publish(subject, data, options), [events, subject])
}
