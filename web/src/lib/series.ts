import { Ring } from './ring.ts'

/** A column of a chart: `null` breaks the line. */
export type Column = (number | null)[]

interface Row {
  at: number
  /** `null`: the line is broken here. */
  values: readonly (number | null)[] | null
}

export interface SeriesOptions {
  columns: number
  /** Rows kept, breaks included. */
  capacity: number
  /** Samples farther apart than this are not joined by a line, in milliseconds. */
  holeAfterMs: number
}

/**
 * Samples of several figures over time, bounded, with breaks where something is missing. A hole is never bridged: neither one that was told
 * (`break`) nor one that shows in the times of the samples.
 */
export class SeriesBuffer {
  readonly #rows: Ring<Row>
  readonly #options: SeriesOptions
  #brokenBy = false

  constructor(options: SeriesOptions) {
    this.#options = options
    this.#rows = new Ring(options.capacity)
  }

  get columns(): number {
    return this.#options.columns
  }

  /** The time of the newest sample, in milliseconds since 1970. */
  get newest(): number | undefined {
    for (let place = this.#rows.length - 1; place >= 0; place -= 1) {
      const row = this.#rows.at(place)
      if (row?.values) return row.at
    }
    return undefined
  }

  /** The time of the oldest sample that is kept. */
  get first(): number | undefined {
    return this.#rows.at(0)?.at
  }

  /** Adds a sample. One that is not newer than the last was seen before, after a resend, and is left out. */
  push(at: number, values: readonly (number | null)[]): boolean {
    if (values.length !== this.#options.columns) {
      throw new RangeError(`a sample of this buffer has ${this.#options.columns} figures, not ${values.length}`)
    }
    const last = this.newest
    if (last !== undefined && at <= last) return false
    if (last !== undefined && (this.#brokenBy || at - last > this.#options.holeAfterMs)) {
      this.#rows.push({ at: (last + at) / 2, values: null })
    }
    this.#brokenBy = false
    this.#rows.push({ at, values })
    return true
  }

  /** Says that something is missing between the last sample and the next one. */
  break(): void {
    this.#brokenBy = true
  }

  /** The times in seconds and the columns, of what is newer than `from`, for the chart. One row before `from` keeps the line running to the edge. */
  view(from: number): { at: number[]; columns: Column[] } {
    let start = 0
    while (start + 1 < this.#rows.length && (this.#rows.at(start + 1)?.at ?? 0) < from) start += 1
    const at: number[] = []
    const columns: Column[] = Array.from({ length: this.#options.columns }, () => [])
    for (let place = start; place < this.#rows.length; place += 1) {
      const row = this.#rows.at(place)
      if (!row) continue
      at.push(row.at / 1000)
      for (const [index, column] of columns.entries()) column.push(row.values?.[index] ?? null)
    }
    return { at, columns }
  }

  /** The largest value of a column among what is newer than `from`. */
  peak(column: number, from: number): number | undefined {
    let peak: number | undefined
    for (const row of this.#rows) {
      const value = row.at >= from ? row.values?.[column] : undefined
      if (typeof value === 'number' && (peak === undefined || value > peak)) peak = value
    }
    return peak
  }
}
