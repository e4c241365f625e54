import { CounterRate } from '../lib/rate.ts'
import { Ring } from '../lib/ring.ts'
import type { Status } from './types.ts'

const HISTORY = 60

export const RATES = ['messagesIn', 'messagesOut', 'bytesIn', 'bytesOut', 'dropped'] as const
export type RateName = (typeof RATES)[number]

export type Rates = Record<RateName, number | undefined>
export type History = Record<RateName, readonly (number | undefined)[]>

export function droppedTotal(status: Status): number {
  return Object.values(status.messages_dropped_total).reduce((sum, amount) => sum + amount, 0)
}

/** Turns successive readings of the status into rates, and keeps the last minute of them. */
export class StatusRates {
  static readonly capacity = HISTORY
  readonly #counters = Object.fromEntries(RATES.map((name) => [name, new CounterRate()])) as Record<RateName, CounterRate>
  readonly #history = Object.fromEntries(RATES.map((name) => [name, new Ring<number | undefined>(HISTORY)])) as Record<
    RateName,
    Ring<number | undefined>
  >
  #node: string | undefined

  /** Takes a reading made at `at` (milliseconds). Another node begins anew: its counters have nothing to do with those before. */
  read(status: Status, at: number): { rates: Rates; history: History } {
    if (status.node !== this.#node) for (const counter of Object.values(this.#counters)) counter.reset()
    this.#node = status.node
    const totals: Record<RateName, number> = {
      messagesIn: status.messages_received_total,
      messagesOut: status.messages_delivered_total,
      bytesIn: status.bytes_received_total,
      bytesOut: status.bytes_delivered_total,
      dropped: droppedTotal(status),
    }
    const rates = Object.fromEntries(RATES.map((name) => [name, this.#counters[name].read(totals[name], at)])) as Rates
    for (const name of RATES) this.#history[name].push(rates[name])
    return { rates, history: this.#shown() }
  }

  /** No reading could be made: the lines break. */
  miss(): History {
    for (const name of RATES) this.#history[name].push(undefined)
    return this.#shown()
  }

  #shown(): History {
    return Object.fromEntries(RATES.map((name) => [name, this.#history[name].toArray()])) as unknown as History
  }
}
