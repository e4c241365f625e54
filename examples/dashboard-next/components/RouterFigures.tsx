'use client'

import type { MetricsUpdated } from 'pointsman'
import { useLatest } from 'pointsman/react'
import { count } from '@/lib/format'

/** Figures of the router, as the server found them or as they are now. */
export type RouterNumbers = MetricsUpdated['router']

const FIGURES: { key: keyof RouterNumbers; title: string }[] = [
  { key: 'connections', title: 'Connections' },
  { key: 'subscriptions', title: 'Subscriptions' },
  { key: 'messages_received_total', title: 'Messages in' },
  { key: 'messages_delivered_total', title: 'Messages out' },
  { key: 'messages_dropped_total', title: 'Dropped' },
]

/** What the server has rendered stands until the first message replaces it: `initial` carries it over. */
export function RouterFigures({ initial }: { initial: RouterNumbers | undefined }) {
  return (
    <dl className="figures">
      {FIGURES.map(({ key, title }) => (
        <RouterFigure key={key} name={key} title={title} initial={initial?.[key]} />
      ))}
    </dl>
  )
}

function RouterFigure({ name, title, initial }: { name: keyof RouterNumbers; title: string; initial: number | undefined }) {
  const value = useLatest('metrics.updated', { select: (metrics) => numberOf(metrics, name), initial })
  return (
    <div>
      <dt>{title}</dt>
      <dd data-figure={name}>{count(value)}</dd>
    </div>
  )
}

function numberOf(metrics: MetricsUpdated, name: keyof RouterNumbers): number | undefined {
  const value: unknown = metrics?.router?.[name]
  return typeof value === 'number' ? value : undefined
}
