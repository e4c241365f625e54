import { Ring } from './ring.ts'

/** The rate of a counter that only grows, from two readings of it. */
export class CounterRate {
  #last: { value: number; at: number } | undefined

  /**
   * Takes a reading (time in milliseconds) and gives the rate per second since the one before. Unknown at the first reading, and where the
   * counter fell: the process behind it began anew.
   */
  read(value: number, at: number): number | undefined {
    const last = this.#last
    if (last && at <= last.at) return undefined
    this.#last = { value, at }
    if (!last || value < last.value) return undefined
    return ((value - last.value) * 1000) / (at - last.at)
  }

  reset(): void {
    this.#last = undefined
  }
}

/** How often something happened, per second, over a sliding window of whole slots. */
export class RateMeter {
  readonly #slots: Float64Array
  #slot = 0
  #began: number | undefined

  constructor(
    readonly slotMs = 250,
    readonly slots = 12,
  ) {
    this.#slots = new Float64Array(slots)
  }

  #advance(now: number): void {
    const slot = Math.floor(now / this.slotMs)
    const passed = slot - this.#slot
    if (passed <= 0) return
    for (let step = 1; step <= Math.min(passed, this.slots); step += 1) this.#slots[(this.#slot + step) % this.slots] = 0
    this.#slot = slot
  }

  mark(now: number, amount = 1): void {
    this.#began ??= now
    this.#advance(now)
    const at = this.#slot % this.slots
    this.#slots[at] = (this.#slots[at] ?? 0) + amount
  }

  perSecond(now: number): number {
    if (this.#began === undefined) return 0
    this.#advance(now)
    let sum = 0
    for (const amount of this.#slots) sum += amount
    // The current slot is not over: it counts with the part of it that has passed.
    const window = (this.slots - 1) * this.slotMs + (now % this.slotMs)
    const seen = Math.min(window, Math.max(now - this.#began, 1000))
    return (sum * 1000) / seen
  }
}

/** The median of the last few values. */
export class Median {
  readonly #values: Ring<number>

  constructor(capacity: number) {
    this.#values = new Ring(capacity)
  }

  push(value: number): void {
    this.#values.push(value)
  }

  get value(): number | undefined {
    const sorted = this.#values.toArray().sort((a, b) => a - b)
    if (sorted.length === 0) return undefined
    const middle = sorted.length >> 1
    const upper = sorted[middle] ?? 0
    return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
  }

  clear(): void {
    this.#values.clear()
  }
}
