import { bytes, percent, round, text } from '../lib/format.ts'
import { useStore } from '../lib/store.ts'
import { ChartPanel } from './chart/ChartPanel.tsx'
import type { Line } from './chart/plot.ts'
import { BYTE_STEPS } from './chart/scale.ts'
import type { HostModel } from './hostModel.ts'

const LINES: Line[] = [
  { label: 'Used', colour: '--series-1', fill: '--series-1-fill' },
  { label: 'Swap', colour: '--series-2', dash: [5, 4] },
]
const words = (value: number) => text(bytes(value))
const axisWords = (value: number) => round(bytes(value))

export function MemoryPanel({ host, windowMs }: { host: HostModel; windowMs: number }) {
  const { memory } = useStore(host.latest)
  const whole = Math.max(memory.total_bytes, memory.swap_total_bytes, 1)
  const used = memory.total_bytes > 0 ? memory.used_bytes / memory.total_bytes : undefined
  return (
    <ChartPanel
      title="Memory"
      note={`of ${words(memory.total_bytes)} · ${text(percent(used))}`}
      host={host}
      series={host.memory}
      lines={LINES}
      named={2}
      windowMs={windowMs}
      current={[memory.used_bytes, memory.swap_used_bytes]}
      words={words}
      format={axisWords}
      top={() => whole}
      steps={BYTE_STEPS}
      summary={`Used ${words(memory.used_bytes)} of ${words(memory.total_bytes)}; swap ${words(memory.swap_used_bytes)} of ${words(memory.swap_total_bytes)}.`}
    />
  )
}
