// Figures of a host that does not exist, once a second.
const CORES = 8
const GIB = 2 ** 30

const wave = (at, period, phase = 0) => (Math.sin((at / period) * 2 * Math.PI + phase) + 1) / 2
const jitter = (amount) => (Math.random() - 0.5) * amount
const clamp = (value) => Math.min(1, Math.max(0, value))

export function sample(router, at = Date.now()) {
  const seconds = at / 1000
  const cores = Array.from({ length: CORES }, (_, core) => clamp(0.08 + 0.5 * wave(seconds, 37 + core * 5, core) ** 2 + jitter(0.16)))
  const burst = wave(seconds, 45) > 0.9 ? 18 : 1
  return {
    at,
    host: 'fake-host',
    cpu: { total: cores.reduce((sum, each) => sum + each, 0) / CORES, cores },
    memory: {
      used_bytes: Math.round((6.2 + 2.1 * wave(seconds, 120) + jitter(0.1)) * GIB),
      total_bytes: 16 * GIB,
      swap_used_bytes: Math.round(0.4 * GIB),
      swap_total_bytes: 4 * GIB,
    },
    disks: [
      disk('/', 182, 465, 2e5 * burst, 9e5 * burst),
      disk('/var/lib/data', 1270, 1863, 6e5, 3e5 * burst),
    ],
    network: {
      received_bytes_per_second: Math.round(420_000 * (0.4 + wave(seconds, 23)) + jitter(120_000)),
      sent_bytes_per_second: Math.round(180_000 * (0.4 + wave(seconds, 31)) + jitter(60_000)),
    },
    load: [1.42 + jitter(0.2), 1.18, 0.97],
    uptime_seconds: 273_600 + Math.floor((at - router.started) / 1000),
    router: {
      connections: router.links(),
      subscriptions: router.subscriptions(),
      messages_received_total: router.counts.received,
      messages_delivered_total: router.counts.delivered,
      messages_dropped_total: router.counts.slowConsumer,
    },
  }
}

function disk(name, used, total, read, written) {
  return {
    name,
    used_bytes: used * GIB,
    total_bytes: total * GIB,
    read_bytes_per_second: Math.max(0, Math.round(read * (0.6 + Math.random()))),
    written_bytes_per_second: Math.max(0, Math.round(written * (0.6 + Math.random()))),
  }
}

export function startMetrics(router, everyMs) {
  let paused = false
  const publish = () => {
    if (!paused) router.publish({ subject: 'metrics.updated', body: { data: sample(router) } })
  }
  const timer = setInterval(publish, everyMs)
  return {
    pause: (value) => (paused = value),
    stop: () => clearInterval(timer),
  }
}
