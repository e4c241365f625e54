'use client'
/**
 * React hooks of Pointsman. Client components only.
 *
 * @packageDocumentation
 */
export { EventsProvider, useClient, type EventsProviderProps } from './react/provider'
export { useConnectionState } from './react/use-connection-state'
export { useEvent, type UseEventOptions } from './react/use-event'
export { useEvents, type UseEventsOptions } from './react/use-events'
export { useLatest, type UseLatestOptions } from './react/use-latest'
export { usePublish } from './react/use-publish'
