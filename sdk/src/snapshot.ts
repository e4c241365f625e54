import type { PointsmanError } from './error'

/**
 * - `idle`: nothing was wanted yet, or there is no page to connect from
 * - `connecting`: the first attempt
 * - `connected`
 * - `reconnecting`: the link was lost, or an attempt failed; the next one comes by itself
 * - `degraded`: so many attempts failed in a row that people should be told; probing goes on
 * - `closed`: `disconnect()` or `close()` was called
 * - `failed`: the router said that trying again changes nothing; `connect()` tries nevertheless
 */
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'degraded' | 'closed' | 'failed'

/** What is known of the connection. Never changed, only replaced. */
export interface ConnectionSnapshot {
  readonly state: ConnectionState
  /** Attempts since the last lasting link; 0 while there is one. */
  readonly attempt: number
  /** Until the next attempt, counted from when the state was entered, in milliseconds. */
  readonly nextDelayMs?: number | undefined
  readonly link: 'websocket'
  /** Id of the session at the router. */
  readonly session?: string | undefined
  /** Name and version of the router. */
  readonly server?: string | undefined
  /** Why it is not connected. */
  readonly cause?: PointsmanError | undefined
  /** Gaps told since the client was made. */
  readonly gaps: number
}

/** What `on('state')` tells. `from` and `to` are alike when only the attempt or its delay changed. */
export interface StateChange {
  readonly from: ConnectionState
  readonly to: ConnectionState
  readonly attempt: number
  readonly nextDelayMs?: number | undefined
  readonly cause?: PointsmanError | undefined
}
