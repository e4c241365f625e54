/** Messages were lost here, and this is told instead of hidden (protocol.md#P9.1). */
export interface Gap {
  /** Patterns of the subscriptions that lost messages. */
  patterns: string[]
  /** How many, if that is known. */
  lost?: number | undefined
  reason: GapReason
}

/** Why messages were lost. */
export type GapReason =
  /** The reader was too slow: the router's outbox or an iterator's buffer was full. */
  | 'slow_consumer'
  /** More was sent while the link was away than the router keeps. */
  | 'resend_overflow'
  /** The session ended while the link was away. */
  | 'session_gone'
  /** The nodes of the router lost sight of each other. */
  | 'backplane'
  /** A rule of the router. */
  | 'policy'
