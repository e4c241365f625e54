import type { Sample } from './metrics'

/** A hole this long, in milliseconds, is shown as one: the router publishes once a second. */
export const HOLE_MS = 2500

/** A step to nowhere: its round ends are seen. */
const DOT = 'h0'

/** The part of a line that is shown, and how. */
export interface SparkView {
  /** At the right edge, in milliseconds since 1970. */
  end: number
  spanMs: number
  /** The value at the upper edge. */
  top: number
  width: number
  height: number
}

/** A line and the area below it, as paths of an SVG. */
export interface SparkPaths {
  line: string
  area: string
}

/** Draws samples in the order of time on a straight axis from 0, broken where samples are missing. */
export function sparkPaths(samples: readonly Sample[], view: SparkView): SparkPaths {
  const runs = runsOf(samples.filter(({ at }) => at >= view.end - view.spanMs && at <= view.end))
  const drawn = runs.map((run) => run.map((sample) => point(sample, view)))
  return {
    line: drawn.map((points) => `M${points.join('L')}${points.length === 1 ? DOT : ''}`).join(''),
    area: drawn.map((points) => `M${foot(points[0], view)}L${points.join('L')}L${foot(points.at(-1), view)}Z`).join(''),
  }
}

/** Samples without a hole between them. */
function runsOf(samples: readonly Sample[]): Sample[][] {
  const runs: Sample[][] = []
  let before: Sample | undefined
  for (const sample of samples) {
    const run = runs.at(-1)
    if (run && before && sample.at - before.at <= HOLE_MS) run.push(sample)
    else runs.push([sample])
    before = sample
  }
  return runs
}

function point({ at, value }: Sample, { end, spanMs, top, width, height }: SparkView): string {
  const x = width * (1 - (end - at) / spanMs)
  const y = height * (1 - Math.min(1, Math.max(0, value / top)))
  return `${x.toFixed(1)} ${y.toFixed(1)}`
}

function foot(above: string | undefined, { height }: SparkView): string {
  return `${above?.split(' ')[0]} ${height}`
}

/** The smallest of a few scales that holds the values, so that the line uses its room and the scale seldom changes. */
export function shareScale(samples: readonly Sample[]): number {
  const most = samples.reduce((max, { value }) => Math.max(max, value), 0)
  return [0.1, 0.25, 0.5].find((top) => most <= top) ?? 1
}
