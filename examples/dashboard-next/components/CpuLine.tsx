'use client'

import { useEvents, usePublish } from 'pointsman/react'
import { useMemo, useState } from 'react'
import { percent } from '@/lib/format'
import { cpuSample, type Sample } from '@/lib/metrics'
import { shareScale, sparkPaths } from '@/lib/spark-path'

const WIDTH = 600
const HEIGHT = 120
const SPANS = [30, 60, 120] as const
/** One message a second, and some room. */
const LIMIT = 130

/** The last minutes of CPU load, from the last messages. Which span is chosen is published as `user.interaction`. */
export function CpuLine() {
  const [span, setSpan] = useState<(typeof SPANS)[number]>(60)
  const publish = usePublish('user.interaction')
  const choose = (seconds: (typeof SPANS)[number]) => {
    setSpan(seconds)
    // A failure is told by the state of the link; nobody waits for this one.
    publish({ at: Date.now(), action: 'choose', target: 'cpu-span', value: seconds }).catch(() => {})
  }
  return (
    <>
      <Line spanMs={span * 1000} />
      <fieldset className="spans">
        <legend>Span</legend>
        {SPANS.map((seconds) => (
          <label key={seconds}>
            <input type="radio" name="cpu-span" checked={seconds === span} onChange={() => choose(seconds)} />
            <span>{seconds} s</span>
          </label>
        ))}
      </fieldset>
    </>
  )
}

function Line({ spanMs }: { spanMs: number }) {
  const messages = useEvents('metrics.updated', { limit: LIMIT })
  const samples = useMemo(() => messages.map(({ data }) => cpuSample(data)).filter((sample) => sample !== undefined), [messages])
  const shown = inSpan(samples, spanMs)
  const top = shareScale(shown)
  const { line, area } = sparkPaths(shown, { end: shown.at(-1)?.at ?? 0, spanMs, top, width: WIDTH, height: HEIGHT })
  return (
    <figure className="line" data-points={shown.length}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={summary(shown, spanMs)}>
        <path className="line__grid" d={`M0 ${HEIGHT / 2}H${WIDTH}`} />
        <path className="line__area" d={area} />
        <path className="line__value" d={line} />
      </svg>
      <figcaption aria-hidden="true">
        <span>{percent(top)}</span>
        <span>{percent(top / 2)}</span>
        <span>0 %</span>
      </figcaption>
    </figure>
  )
}

function inSpan(samples: readonly Sample[], spanMs: number): Sample[] {
  const end = samples.at(-1)?.at ?? 0
  return samples.filter(({ at }) => at >= end - spanMs)
}

function summary(samples: readonly Sample[], spanMs: number): string {
  const span = `CPU load of the last ${spanMs / 1000} seconds`
  if (samples.length === 0) return `${span}: nothing has come yet`
  const values = samples.map(({ value }) => value)
  return `${span}: ${percent(Math.min(...values))} to ${percent(Math.max(...values))}, now ${percent(values.at(-1))}`
}
