import uPlot from 'uplot'

import { clock } from '../../lib/format.ts'
import { colour } from './colours.ts'
import { loners, TIME_STEPS } from './scale.ts'

export interface Line {
  label: string
  /** Token of the colour. */
  colour: string
  fill?: string
  width?: number
  dash?: number[]
}

export interface PlotOptions {
  lines: readonly Line[]
  size: { width: number; height: number }
  window: () => [number, number]
  top: (peak: number) => number
  steps: readonly number[]
  format: (value: number) => string
  onMarks: (plot: uPlot) => void
  onCursor: (place: number | undefined) => void
}

const FONT = '11px -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'

function series(line: Line): uPlot.Series {
  return {
    label: line.label,
    stroke: () => colour(line.colour),
    width: line.width ?? 1.75,
    // What is missing is never bridged by a line.
    spanGaps: false,
    points: { show: true, size: 4, fill: () => colour(line.colour), filter: (plot, index) => loners(Array.from(plot.data[index] ?? [])) },
    ...(line.fill !== undefined && { fill: () => colour(line.fill ?? '') }),
    ...(line.dash && { dash: line.dash }),
  }
}

/** Room that half a label of the time axis needs. */
const HALF_LABEL = 26

/** Times of day; one that would be cut off by the right edge is left out. */
function timeWords(plot: uPlot, at: number[]): string[] {
  const last = plot.bbox.width / devicePixelRatio - HALF_LABEL
  return at.map((each) => (plot.valToPos(each, 'x') > last ? '' : clock(each * 1000)))
}

/** A plot of streaming lines; `setData` draws it anew. */
export function createPlot(into: HTMLElement, options: PlotOptions): uPlot {
  const { size, lines, window, top, steps, format, onMarks, onCursor } = options
  const axis: uPlot.Axis = {
    stroke: () => colour('--chart-text'),
    font: FONT,
    grid: { stroke: () => colour('--chart-grid'), width: 1 },
    ticks: { show: false },
    border: { show: false },
  }
  let place: number | undefined
  return new uPlot(
    {
      ...size,
      padding: [8, 6, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false, setScale: false },
        sync: { key: 'host' },
        points: { size: 7, width: 1.5, fill: () => colour('--surface') },
      },
      scales: {
        x: { time: true, range: () => window() },
        y: { range: (_plot, _low, high) => [0, top(high ?? 0)] },
      },
      axes: [
        { ...axis, size: 26, gap: 6, space: 70, incrs: [...TIME_STEPS], values: timeWords },
        { ...axis, size: 58, gap: 6, space: 36, incrs: [...steps], values: (_plot, values) => values.map(format) },
      ],
      series: [{}, ...lines.map(series)],
      hooks: {
        drawClear: [onMarks],
        setCursor: [
          ({ cursor }) => {
            const next = cursor.idx ?? undefined
            if (next === place) return
            place = next
            onCursor(next)
          },
        ],
      },
    },
    [[], ...lines.map(() => [])],
    into,
  )
}
