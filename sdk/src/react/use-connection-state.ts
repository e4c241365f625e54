import { useCallback, useSyncExternalStore } from 'react'
import type { ConnectionSnapshot } from '../index'
import { useClient } from './provider'

/** What a server renders, and the browser until it has taken over. */
const IDLE: ConnectionSnapshot = { state: 'idle', attempt: 0, link: 'websocket', gaps: 0 }

const all = (snapshot: ConnectionSnapshot): unknown => snapshot

/** What is known of the connection, or the part that `select` takes. Renders only if that changed by `Object.is`; it does not connect. */
export function useConnectionState(): ConnectionSnapshot
export function useConnectionState<T>(select: (snapshot: ConnectionSnapshot) => T): T
export function useConnectionState(select: (snapshot: ConnectionSnapshot) => unknown = all): unknown {
  const { connection } = useClient()
  const subscribe = useCallback(
    (changed: () => void) => {
      const stops = [connection.on('state', changed), connection.on('gap', changed)]
      return () => {
        for (const stop of stops) stop()
      }
    },
    [connection],
  )
  return useSyncExternalStore(
    subscribe,
    () => select(connection.getSnapshot()),
    () => select(IDLE),
  )
}
