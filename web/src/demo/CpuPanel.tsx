import { useMemo } from 'react'

import { percent, plural, text } from '../lib/format.ts'
import { useStore } from '../lib/store.ts'
import { ChartPanel } from './chart/ChartPanel.tsx'
import type { Line } from './chart/plot.ts'
import { SHARE_STEPS } from './chart/scale.ts'
import type { HostModel } from './hostModel.ts'

const words = (share: number) => text(percent(share))
const top = () => 1

export function CpuPanel({ host, windowMs }: { host: HostModel; windowMs: number }) {
  const { cpu } = useStore(host.latest)
  const lines = useMemo<Line[]>(
    () => [
      { label: 'Total', colour: '--series-1', fill: '--series-1-fill', width: 2 },
      ...Array.from({ length: host.coreLines }, (_, core) => ({ label: `Core ${core}`, colour: '--series-faint', width: 1 })),
    ],
    [host],
  )
  const peak = host.cpu.peak(0, host.hostNow() - windowMs)
  return (
    <ChartPanel
      title="CPU"
      note={plural(cpu.cores.length, 'core')}
      host={host}
      series={host.cpu}
      lines={lines}
      named={1}
      windowMs={windowMs}
      current={[cpu.total]}
      words={words}
      format={(share) => `${Math.round(share * 100)} %`}
      top={top}
      steps={SHARE_STEPS}
      summary={`Now ${words(cpu.total)}, at most ${words(peak ?? 0)}.`}
    >
      <CoreBars cores={cpu.cores} />
    </ChartPanel>
  )
}

/** A bar a core. The lines of single cores cross each other; the bars tell which is which. */
function CoreBars({ cores }: { cores: readonly number[] }) {
  const label = cores.map((share, core) => `core ${core}: ${words(share)}`).join(', ')
  return (
    <div className="cores" role="img" aria-label={`Load of each core. ${label}`}>
      {cores.map((share, core) => (
        // Cores have no name but their place.
        <span key={core} className="cores__core" title={`Core ${core}: ${words(share)}`}>
          <span style={{ transform: `scaleY(${share.toFixed(3)})` }} />
        </span>
      ))}
    </div>
  )
}
