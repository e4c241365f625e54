import { bytesPerSecond, round, text } from '../lib/format.ts'
import { useStore } from '../lib/store.ts'
import { ChartPanel } from './chart/ChartPanel.tsx'
import type { Line } from './chart/plot.ts'
import { BYTE_STEPS, byteTop } from './chart/scale.ts'
import type { HostModel } from './hostModel.ts'

const LINES: Line[] = [
  { label: 'In', colour: '--series-1', fill: '--series-1-fill' },
  { label: 'Out', colour: '--series-2', fill: '--series-2-fill' },
]
const LEAST_TOP = 4096
const words = (value: number) => text(bytesPerSecond(value))
const axisWords = (value: number) => round(bytesPerSecond(value))
const top = (peak: number) => byteTop(peak, LEAST_TOP)

export function NetworkPanel({ host, windowMs }: { host: HostModel; windowMs: number }) {
  const { network } = useStore(host.latest)
  const current = [network.received_bytes_per_second, network.sent_bytes_per_second] as const
  return (
    <ChartPanel
      title="Network"
      host={host}
      series={host.network}
      lines={LINES}
      named={2}
      windowMs={windowMs}
      current={current}
      words={words}
      format={axisWords}
      top={top}
      steps={BYTE_STEPS}
      summary={`In ${words(current[0])}, out ${words(current[1])}.`}
    />
  )
}
