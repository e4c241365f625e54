import 'uplot/dist/uPlot.min.css'

import { useEffect, useRef, useState } from 'react'
import type uPlot from 'uplot'

import type { SeriesBuffer } from '../../lib/series.ts'
import { theme } from '../../lib/theme.ts'
import type { HostModel } from '../hostModel.ts'
import { drawMarks } from './marks.ts'
import { createPlot } from './plot.ts'
import type { Line } from './plot.ts'

/** What the cursor stands on. */
export interface Pointed {
  /** Milliseconds since 1970. */
  at: number
  values: (number | null)[]
}

export interface ChartProps {
  /** In words, for those who do not see it. */
  label: string
  host: HostModel
  series: SeriesBuffer
  lines: readonly Line[]
  windowMs: number
  top: (peak: number) => number
  steps: readonly number[]
  format: (value: number) => string
  onPoint: (pointed: Pointed | undefined) => void
  /** Told once, after the first drawing with data. */
  onFirstDraw?: ((points: number, durationMs: number) => void) | undefined
}

const FRAME_EVERY_MS = 1000
/** The window grows from this to its full width as samples come: a page that was just opened is not an empty one. */
const SHORTEST_MS = 60_000

/** A chart that moves on with the time of the host, whether samples come or not: what is missing shows as missing. */
export function Chart(props: ChartProps) {
  const { label, host, series, lines, windowMs } = props
  const box = useRef<HTMLDivElement>(null)
  const latest = useRef(props)
  const [plot, setPlot] = useState<uPlot>()
  useEffect(() => {
    latest.current = props
  })

  useEffect(() => {
    const into = box.current
    if (!into) return
    const made = createPlot(into, {
      lines,
      size: { width: into.clientWidth, height: into.clientHeight },
      window: () => {
        const now = host.hostNow()
        const begin = Math.min(Math.max(now - latest.current.windowMs, latest.current.series.first ?? now), now - SHORTEST_MS)
        return [begin / 1000, now / 1000]
      },
      top: (peak) => latest.current.top(peak),
      steps: latest.current.steps,
      format: latest.current.format,
      onMarks: (drawn) => drawMarks(drawn, host.marks),
      onCursor: (place) => latest.current.onPoint(pointed(made, place)),
    })
    const resizing = new ResizeObserver(() => made.setSize({ width: into.clientWidth, height: into.clientHeight }))
    resizing.observe(into)
    setPlot(made)
    return () => {
      resizing.disconnect()
      made.destroy()
    }
  }, [host, lines])

  useEffect(() => {
    if (!plot) return
    let frame = 0
    let first = true
    const draw = () => {
      cancelAnimationFrame(frame)
      frame = requestAnimationFrame(() => {
        const began = performance.now()
        const { at, columns } = series.view(host.hostNow() - windowMs)
        plot.setData([at, ...columns] as uPlot.AlignedData)
        if (first && at.length > 0) {
          first = false
          latest.current.onFirstDraw?.(at.length, performance.now() - began)
        }
      })
    }
    draw()
    const timer = setInterval(draw, FRAME_EVERY_MS)
    const off = [host.latest.watch(draw), theme.watch(draw)]
    return () => {
      cancelAnimationFrame(frame)
      clearInterval(timer)
      for (const each of off) each()
    }
  }, [plot, host, series, windowMs])

  return <div className="chart" ref={box} role="img" aria-label={label} />
}

function pointed(plot: uPlot, place: number | undefined): Pointed | undefined {
  const at = place === undefined ? undefined : plot.data[0][place]
  if (place === undefined || at === undefined) return undefined
  return { at: at * 1000, values: plot.data.slice(1).map((column) => column[place] ?? null) }
}
