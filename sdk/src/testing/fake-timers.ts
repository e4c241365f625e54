import type { Timers } from '../index'

interface Entry {
  at: number
  order: number
  callback: () => void
}

/** The platform's own, taken before a test framework replaces it: `settle` waits for real turns, not for fake time. */
const { setImmediate: realImmediate, setTimeout: realTimeout } = globalThis as {
  setImmediate?: (callback: () => void) => unknown
  setTimeout: typeof setTimeout
}
const turn = (callback: () => void): unknown => (realImmediate ? realImmediate(callback) : realTimeout(callback, 0))

/** Turns of the event loop that a chain of promises may need before it sets its next timer. */
const TURNS = 3

/**
 * A clock that stands still until it is told to go on, and chance that is the same in every run.
 *
 * Timers fire in the order of their times; those of one time in the order they were set.
 */
export class FakeTimers implements Timers {
  #now: number
  #seed: number
  #order = 0
  #entries = new Map<number, Entry>()

  /** `now` in milliseconds, default 0; `seed` of `random`, default 1. */
  constructor(options: { now?: number; seed?: number } = {}) {
    this.#now = options.now ?? 0
    this.#seed = (options.seed ?? 1) >>> 0
    // Small seeds begin with small numbers.
    for (let left = 3; left > 0; left--) this.random()
  }

  now(): number {
    return this.#now
  }

  setTimeout(callback: () => void, delayMs: number): number {
    const order = ++this.#order
    this.#entries.set(order, { at: this.#now + Math.max(0, delayMs), order, callback })
    return order
  }

  clearTimeout(handle: unknown): void {
    this.#entries.delete(handle as number)
  }

  /** Park and Miller's generator with the multiplier 48,271. */
  random(): number {
    this.#seed = ((this.#seed % 2147483646) + 1) * 48271 % 2147483647
    return (this.#seed - 1) / 2147483646
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#entries.size
  }

  /** When the next timer is due, in milliseconds of this clock; absent if none is set. */
  get nextAt(): number | undefined {
    return this.#next()?.at
  }

  /** Lets time pass, firing what falls due; between two timers, promises get their turn. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms
    await settle()
    for (let next = this.#next(); next && next.at <= until; next = this.#next()) {
      this.#now = Math.max(this.#now, next.at)
      this.#entries.delete(next.order)
      next.callback()
      await settle()
    }
    this.#now = Math.max(this.#now, until)
  }

  #next(): Entry | undefined {
    let next: Entry | undefined
    for (const entry of this.#entries.values()) {
      if (!next || entry.at < next.at || (entry.at === next.at && entry.order < next.order)) next = entry
    }
    return next
  }
}

/** Gives promises and what hangs on them their turn. */
export async function settle(): Promise<void> {
  for (let left = TURNS; left > 0; left--) await new Promise<void>((resolve) => turn(resolve))
}
