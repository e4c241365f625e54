/** How the page reads what the server publishes as `metrics.updated` and `system.status.changed`. */

import type { DiskMetrics, MetricsUpdated, SystemStatusChanged } from 'pointsman'

/** Figures of one host. Some systems do not tell their load and how long they have been up. */
export interface HostMetrics extends Omit<MetricsUpdated, 'load' | 'uptime_seconds'> {
  load?: [number, number, number]
  uptime_seconds?: number
}

/** A change of state, with the node that told of it where it said so. */
export interface ComponentStatus extends SystemStatusChanged {
  node?: string
}

const CORES_MAX = 256
const DISKS_MAX = 64
const TEXT_MAX = 200

type Fields = Record<string, unknown>

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}

function figure(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0
}

function share(value: unknown): number {
  return Math.min(1, figure(value))
}

function list(value: unknown, max: number): unknown[] {
  return Array.isArray(value) ? value.slice(0, max) : []
}

function words(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, TEXT_MAX) : undefined
}

/** Anyone with the right to may publish on the subject: what has no time or host is not taken, a figure that is none counts as 0. */
export function readMetrics(value: unknown): HostMetrics | undefined {
  const from = fields(value)
  const host = words(from['host'])
  if (typeof from['at'] !== 'number' || !(from['at'] > 0) || !Number.isFinite(from['at']) || host === undefined) return undefined
  const [cpu, memory, network, router] = ['cpu', 'memory', 'network', 'router'].map((name) => fields(from[name])) as [
    Fields,
    Fields,
    Fields,
    Fields,
  ]
  const [load1, load5, load15] = list(from['load'], 3)
  return {
    at: from['at'],
    host,
    ...(load15 !== undefined && { load: [figure(load1), figure(load5), figure(load15)] as [number, number, number] }),
    ...(from['uptime_seconds'] !== undefined && { uptime_seconds: figure(from['uptime_seconds']) }),
    cpu: { total: share(cpu['total']), cores: list(cpu['cores'], CORES_MAX).map(share) },
    memory: {
      used_bytes: figure(memory['used_bytes']),
      total_bytes: figure(memory['total_bytes']),
      swap_used_bytes: figure(memory['swap_used_bytes']),
      swap_total_bytes: figure(memory['swap_total_bytes']),
    },
    disks: list(from['disks'], DISKS_MAX).map((each) => {
      const disk = fields(each)
      return {
        name: words(disk['name']) ?? 'unnamed',
        used_bytes: figure(disk['used_bytes']),
        total_bytes: figure(disk['total_bytes']),
        read_bytes_per_second: figure(disk['read_bytes_per_second']),
        written_bytes_per_second: figure(disk['written_bytes_per_second']),
      }
    }),
    network: {
      received_bytes_per_second: figure(network['received_bytes_per_second']),
      sent_bytes_per_second: figure(network['sent_bytes_per_second']),
    },
    router: {
      connections: figure(router['connections']),
      subscriptions: figure(router['subscriptions']),
      messages_received_total: figure(router['messages_received_total']),
      messages_delivered_total: figure(router['messages_delivered_total']),
      messages_dropped_total: figure(router['messages_dropped_total']),
    },
  }
}

export function readStatusChange(value: unknown): ComponentStatus | undefined {
  const from = fields(value)
  const component = words(from['component'])
  const state = from['state']
  if (component === undefined || (state !== 'up' && state !== 'degraded' && state !== 'down')) return undefined
  const cause = words(from['cause'])
  const node = words(from['node'])
  return { at: figure(from['at']), component, state, ...(cause && { cause }), ...(node && { node }) }
}

export function diskSums(disks: readonly DiskMetrics[]): { read: number; written: number } {
  let read = 0
  let written = 0
  for (const disk of disks) {
    read += disk.read_bytes_per_second
    written += disk.written_bytes_per_second
  }
  return { read, written }
}
