import { useState } from 'react'
import type { ReactNode } from 'react'

import { clock, UNKNOWN } from '../../lib/format.ts'
import { useStore } from '../../lib/store.ts'
import { Panel } from '../../ui/Panel.tsx'
import { client } from '../link.ts'
import { Chart } from './Chart.tsx'
import type { ChartProps, Pointed } from './Chart.tsx'

interface ChartPanelProps extends Omit<ChartProps, 'label' | 'onPoint'> {
  title: string
  /** How many of the lines stand in the legend; the rest are a faint crowd. */
  named: number
  /** The newest values, in the order of the lines. */
  current: readonly number[]
  words: (value: number) => string
  summary: string
  note?: ReactNode
  children?: ReactNode
}

/** A chart with its legend: the newest values, or those under the cursor. */
export function ChartPanel({ title, named, current, words, summary, note, children, ...chart }: ChartPanelProps) {
  const [pointed, setPointed] = useState<Pointed>()
  useStore(chart.host.latest)
  const values = pointed?.values ?? current
  return (
    <Panel
      title={title}
      note={pointed ? `at ${clock(pointed.at)}` : note}
      className="chart-panel"
      end={
        <ul className="legend">
          {chart.lines.slice(0, named).map((line, place) => {
            const value = values[place]
            return (
              <li key={line.label}>
                <span className="legend__key" style={{ background: `var(${line.colour})` }} />
                <span className="legend__name">{line.label}</span>
                <span className="legend__value">{typeof value === 'number' ? words(value) : UNKNOWN}</span>
              </li>
            )
          })}
        </ul>
      }
    >
      <div className="panel__body">
        <Chart
          {...chart}
          label={`${title}, the last ${chart.windowMs / 60_000} minutes. ${summary}`}
          onPoint={setPointed}
          onFirstDraw={(points, durationMs) => {
            const event = { at: Date.now(), chart: title.toLowerCase(), points, duration_ms: Number(durationMs.toFixed(2)) }
            // For those who watch pages; a page that may not publish draws all the same.
            client.events.publish('chart.rendered', event).catch(() => {})
          }}
        />
        {children}
      </div>
    </Panel>
  )
}
