/** Names of protocol.md#P10, of requests and of links. */
export type ServerErrorCode =
  | 'bad_frame' | 'unknown_op' | 'bad_subject' | 'bad_pattern' | 'permission_denied' | 'payload_too_large'
  | 'too_many_subscriptions' | 'sid_in_use' | 'unknown_sid' | 'bad_headers' | 'unsupported' | 'bad_queue'
  | 'unauthenticated' | 'not_found' | 'bad_request' | 'too_many_requests_in_flight' | 'no_responders' | 'timeout'
  | 'conflict' | 'rate_limited' | 'overloaded' | 'store_unavailable' | 'draining' | 'backplane_unavailable'
  | 'token_expired' | 'slow_consumer' | 'heartbeat' | 'internal' | 'protocol' | 'version' | 'too_large' | 'kicked'
  | 'superseded'

/** What the client finds out by itself. */
export type LocalErrorCode = 'connection_lost' | 'timeout_local' | 'aborted' | 'closed' | 'outcome_unknown'

/** Why something failed. A newer server may send names that this version does not list. */
export type ErrorCode = ServerErrorCode | LocalErrorCode | (string & {})

/** What else is known of a failure. */
export interface ErrorDetails {
  number?: number | undefined
  retryable?: boolean | undefined
  retryAfterMs?: number | undefined
  remediation?: string | undefined
  cause?: unknown
}

/** Every failure of this package. `message` says what happened and why, `remediation` what to do. */
export class PointsmanError extends Error {
  override readonly name: string = 'PointsmanError'
  /** Name of the code: of protocol.md#P10, or one of {@link LocalErrorCode}. */
  readonly code: ErrorCode
  /** The number that the server sent with the code. */
  readonly number: number | undefined
  /** Whether the same request can succeed later. */
  readonly retryable: boolean
  /** How long to wait before that, in milliseconds, where the server said so. */
  readonly retryAfterMs: number | undefined
  /** What to do about it. */
  readonly remediation: string
  override readonly cause: unknown

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message)
    const { number = 0, retryAfterMs } = details
    this.code = code
    this.number = details.number
    this.retryAfterMs = retryAfterMs
    this.cause = details.cause
    // 2xx and 3xx of requests, 3000 to 3499 of links (protocol.md#P10).
    this.retryable = details.retryable ?? (number >= 200 && number < 3500)
    this.remediation =
      details.remediation ?? (this.retryable ? `Try again${retryAfterMs ? ` after ${retryAfterMs} ms` : ''}.` : 'Correct what the message names.')
  }
}

/** An `AbortSignal` put an end to it. */
export function aborted(what: string, subject: string): PointsmanError {
  return new PointsmanError('aborted', `The ${what} \`${subject}\` was aborted`)
}

/** The failure that a frame of the server tells of. */
export function serverError(frame: { code: number; reason: string; message: string; retry_after_ms?: number }): PointsmanError {
  return new PointsmanError(frame.reason, frame.message, { number: frame.code, retryAfterMs: frame.retry_after_ms })
}
