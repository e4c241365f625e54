import { CounterRate } from '../lib/rate.ts'
import { Ring } from '../lib/ring.ts'
import { SeriesBuffer } from '../lib/series.ts'
import { Store } from '../lib/store.ts'
import type { HostMetrics } from './metrics.ts'
import { diskSums } from './metrics.ts'

/** The longest window a chart can show. */
export const WINDOW_MAX_MS = 300_000
/** Samples come once a second; the rest is room for breaks and faster senders. */
const CAPACITY = 900
/** Two samples missing in a row are a hole. */
const HOLE_AFTER_MS = 2600
const MARKS_MAX = 64
/** A sample that is older than the newest by more than this was made after the clock of the host was put back. */
const CLOCK_BACK_MS = 60_000
/** Cores drawn as lines of their own. */
export const CORE_LINES_MAX = 16

/** A stretch of time that a chart points out, by the clock of the host. */
export interface Mark {
  kind: 'gap' | 'cut'
  from: number
  /** Open until the next sample tells where it ends. */
  to?: number
  label: string
}

export interface RouterRates {
  receivedPerSecond: number | undefined
  deliveredPerSecond: number | undefined
}

/** All that is known of one host, bounded in time. */
export class HostModel {
  readonly latest: Store<HostMetrics>
  readonly rates = new Store<RouterRates>({ receivedPerSecond: undefined, deliveredPerSecond: undefined })
  readonly memory = new SeriesBuffer({ columns: 2, capacity: CAPACITY, holeAfterMs: HOLE_AFTER_MS })
  readonly network = new SeriesBuffer({ columns: 2, capacity: CAPACITY, holeAfterMs: HOLE_AFTER_MS })
  readonly disk = new SeriesBuffer({ columns: 2, capacity: CAPACITY, holeAfterMs: HOLE_AFTER_MS })
  readonly marks = new Ring<Mark>(MARKS_MAX)
  readonly cpu: SeriesBuffer
  readonly coreLines: number
  readonly #received = new CounterRate()
  readonly #delivered = new CounterRate()
  #aheadMs: number | undefined

  constructor(
    first: HostMetrics,
    readonly now: () => number = Date.now,
  ) {
    this.coreLines = Math.min(first.cpu.cores.length, CORE_LINES_MAX)
    this.cpu = new SeriesBuffer({ columns: 1 + this.coreLines, capacity: CAPACITY, holeAfterMs: HOLE_AFTER_MS })
    this.latest = new Store(first)
    this.#take(first)
  }

  /** Whether a sample can go on in these series; other cores or another time need new ones. */
  fits(metrics: HostMetrics): boolean {
    const sameCores = Math.min(metrics.cpu.cores.length, CORE_LINES_MAX) === this.coreLines
    return sameCores && metrics.at > this.latest.get().at - CLOCK_BACK_MS
  }

  add(metrics: HostMetrics): void {
    if (this.#take(metrics)) this.latest.set(metrics)
  }

  #take(metrics: HostMetrics): boolean {
    const { at, cpu, memory, network, disks, router } = metrics
    if (!this.cpu.push(at, [cpu.total, ...cpu.cores.slice(0, this.coreLines)])) return false
    this.memory.push(at, [memory.used_bytes, memory.swap_used_bytes])
    this.network.push(at, [network.received_bytes_per_second, network.sent_bytes_per_second])
    const { read, written } = diskSums(disks)
    this.disk.push(at, [read, written])
    for (const mark of this.marks) if (mark.kind === 'gap' && mark.to === undefined) mark.to = at
    this.rates.set({
      receivedPerSecond: this.#received.read(router.messages_received_total, at),
      deliveredPerSecond: this.#delivered.read(router.messages_delivered_total, at),
    })
    this.#followClock(at)
    return true
  }

  /** The sample that travelled fastest tells best how far the two clocks are apart; a slow drift is followed. */
  #followClock(at: number): void {
    const ahead = at - this.now()
    if (this.#aheadMs === undefined || ahead > this.#aheadMs) this.#aheadMs = ahead
    else this.#aheadMs += (ahead - this.#aheadMs) * (Math.abs(ahead - this.#aheadMs) < 1000 ? 0.02 : 0)
  }

  /** The time at the host, as well as it can be told from here. */
  hostNow(): number {
    return this.now() + (this.#aheadMs ?? 0)
  }

  /** Something was lost: all lines break, and the charts say how much. */
  gap(label: string): void {
    for (const series of [this.cpu, this.memory, this.network, this.disk]) series.break()
    this.marks.push({ kind: 'gap', from: this.cpu.newest ?? this.hostNow(), label })
  }

  /** The link is down from now on. */
  cut(): void {
    this.marks.push({ kind: 'cut', from: this.hostNow(), label: 'no link' })
  }

  /** The link is back. */
  mend(): void {
    for (const mark of this.marks) if (mark.kind === 'cut' && mark.to === undefined) mark.to = this.hostNow()
  }
}
