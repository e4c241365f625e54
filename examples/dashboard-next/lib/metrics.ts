import type { MetricsUpdated } from 'pointsman'

/*
 * What the cards show of `metrics.updated`. The types say what a publication should hold; whoever may publish can send anything, and a
 * selector that throws would take the page down. So everything is asked for, and what is missing is undefined.
 */

/** A share from 0 to 1, in steps that can be seen, so that a card renders only when its digits change. */
export function cpuShare(metrics: MetricsUpdated): number | undefined {
  const share = known(metrics?.cpu?.total)
  return share === undefined ? undefined : Math.round(share * 1000) / 1000
}

/** Number of cores. */
export function cores(metrics: MetricsUpdated): number | undefined {
  return known(metrics?.cpu?.cores?.length)
}

/** In bytes. */
export interface MemoryUse {
  used: number
  total: number
}

/** Bytes in use and in all. */
export function memoryUse(metrics: MetricsUpdated): MemoryUse | undefined {
  const used = known(metrics?.memory?.used_bytes)
  const total = known(metrics?.memory?.total_bytes)
  return used === undefined || !total ? undefined : { used, total }
}

/** Whether two uses look the same: a mebibyte is less than the digits shown. */
export function sameMemoryUse(a: MemoryUse | undefined, b: MemoryUse | undefined): boolean {
  return a === b || (!!a && !!b && a.total === b.total && Math.abs(a.used - b.used) < 2 ** 20)
}

/** Bytes a second. */
export function receivedPerSecond(metrics: MetricsUpdated): number | undefined {
  return known(metrics?.network?.received_bytes_per_second)
}

/** Bytes a second. */
export function sentPerSecond(metrics: MetricsUpdated): number | undefined {
  return known(metrics?.network?.sent_bytes_per_second)
}

/** One point of a line. `at` is in milliseconds since 1970. */
export interface Sample {
  at: number
  value: number
}

/** The point of the CPU line. */
export function cpuSample(metrics: MetricsUpdated): Sample | undefined {
  const at = known(metrics?.at)
  const value = known(metrics?.cpu?.total)
  return at === undefined || value === undefined ? undefined : { at, value }
}

function known(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
