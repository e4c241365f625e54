/** Time and chance, injected so that a test controls them. */
export interface Timers {
  /** Milliseconds, from any origin; never goes back. */
  now(): number
  /** Calls `callback` once after `delayMs`. */
  setTimeout(callback: () => void, delayMs: number): unknown
  clearTimeout(handle: unknown): void
  /** At least 0, below 1. */
  random(): number
}

/** The clock of the platform. Not the wall clock: that jumps. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
  random: () => Math.random(),
}
