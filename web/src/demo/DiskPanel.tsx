import { bytesPerSecond, round, text } from '../lib/format.ts'
import { useStore } from '../lib/store.ts'
import { ChartPanel } from './chart/ChartPanel.tsx'
import type { Line } from './chart/plot.ts'
import { BYTE_STEPS, byteTop } from './chart/scale.ts'
import type { HostModel } from './hostModel.ts'
import { diskSums } from './metrics.ts'

const LINES: Line[] = [
  { label: 'Read', colour: '--series-1', fill: '--series-1-fill' },
  { label: 'Written', colour: '--series-2', fill: '--series-2-fill' },
]
const LEAST_TOP = 16_384
const words = (value: number) => text(bytesPerSecond(value))
const axisWords = (value: number) => round(bytesPerSecond(value))
const top = (peak: number) => byteTop(peak, LEAST_TOP)

export function DiskPanel({ host, windowMs }: { host: HostModel; windowMs: number }) {
  const { disks } = useStore(host.latest)
  const { read, written } = diskSums(disks)
  return (
    <ChartPanel
      title="Disk"
      note={disks.length > 1 ? `all ${disks.length} together` : undefined}
      host={host}
      series={host.disk}
      lines={LINES}
      named={2}
      windowMs={windowMs}
      current={[read, written]}
      words={words}
      format={axisWords}
      top={top}
      steps={BYTE_STEPS}
      summary={`Read ${words(read)}, written ${words(written)}.`}
    />
  )
}
