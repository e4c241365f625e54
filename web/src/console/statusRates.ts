import { CounterRate } from '../lib/rate.ts'
import { Ring } from '../lib/ring.ts'
import type { Status } from './types.ts'

const HISTORY = 60

/** Figures that are the rate of a counter, and those that are as they stand. */
const COUNTERS = ['messagesIn', 'messagesOut', 'bytesIn', 'bytesOut', 'dropped'] as const
const GAUGES = ['connections', 'subscriptions', 'memory'] as const
const NAMES = [...COUNTERS, ...GAUGES] as const

type CounterName = (typeof COUNTERS)[number]
export type FigureName = (typeof NAMES)[number]

export type Figures = Record<FigureName, number | undefined>
export type History = Record<FigureName, readonly (number | undefined)[]>

export function droppedTotal(status: Status): number {
  return Object.values(status.messages_dropped_total).reduce((sum, amount) => sum + amount, 0)
}

function each<Name extends string, Value>(names: readonly Name[], make: (name: Name) => Value): Record<Name, Value> {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<Name, Value>
}

/** Turns successive readings of the status into figures, and keeps the last minute of them. */
export class StatusRates {
  static readonly capacity = HISTORY
  readonly #counters = each(COUNTERS, () => new CounterRate())
  readonly #history = each(NAMES, () => new Ring<number | undefined>(HISTORY))
  #node: string | undefined

  /** Takes a reading made at `at` (milliseconds). Another node begins anew: its counters have nothing to do with those before. */
  read(status: Status, at: number): { figures: Figures; history: History } {
    if (status.node !== this.#node) for (const counter of Object.values(this.#counters)) counter.reset()
    this.#node = status.node
    const totals: Record<CounterName, number> = {
      messagesIn: status.messages_received_total,
      messagesOut: status.messages_delivered_total,
      bytesIn: status.bytes_received_total,
      bytesOut: status.bytes_delivered_total,
      dropped: droppedTotal(status),
    }
    const figures: Figures = {
      ...each(COUNTERS, (name) => this.#counters[name].read(totals[name], at)),
      connections: status.connections,
      subscriptions: status.subscriptions,
      memory: status.memory_bytes,
    }
    for (const name of NAMES) this.#history[name].push(figures[name])
    return { figures, history: this.#shown() }
  }

  /** No reading could be made: the lines break. */
  miss(): History {
    for (const name of NAMES) this.#history[name].push(undefined)
    return this.#shown()
  }

  #shown(): History {
    return each(NAMES, (name) => this.#history[name].toArray())
  }
}
