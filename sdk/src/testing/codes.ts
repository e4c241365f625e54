/** Numbers of protocol.md#P10. */
export const CODES = {
  bad_frame: 100,
  unknown_op: 101,
  bad_subject: 102,
  bad_pattern: 103,
  permission_denied: 104,
  payload_too_large: 105,
  too_many_subscriptions: 106,
  sid_in_use: 107,
  unknown_sid: 108,
  bad_headers: 109,
  unsupported: 110,
  bad_queue: 111,
  unauthenticated: 112,
  not_found: 113,
  bad_request: 114,
  too_many_requests_in_flight: 115,
  no_responders: 200,
  timeout: 201,
  conflict: 202,
  rate_limited: 300,
  overloaded: 301,
  store_unavailable: 302,
  draining: 303,
  backplane_unavailable: 304,
} as const

/** Numbers of protocol.md#P10, of closed links. */
export const CLOSE_CODES = {
  draining: 3001,
  token_expired: 3005,
  slow_consumer: 3008,
  heartbeat: 3009,
  internal: 3010,
  overloaded: 3300,
  rate_limited: 3301,
  unauthenticated: 3500,
  protocol: 3501,
  version: 3502,
  too_large: 3503,
  kicked: 3504,
  superseded: 3505,
  permission_denied: 3506,
} as const

/** A refusal of one request. */
export interface Refusal {
  reason: keyof typeof CODES
  message?: string
  retryAfterMs?: number
}

/** The end of a link, as the router tells it. */
export interface Closing {
  reason: keyof typeof CLOSE_CODES
  message?: string
  retryAfterMs?: number
}
