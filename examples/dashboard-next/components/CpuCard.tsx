'use client'

import { useLatest } from 'pointsman/react'
import { percent, plural } from '@/lib/format'
import { cores, cpuShare } from '@/lib/metrics'
import { Card } from './Card'
import { CpuLine } from './CpuLine'

/** The load of the host. Each part renders only when what it shows has changed. */
export function CpuCard() {
  return (
    <Card id="cpu" title="CPU" note={<CoreCount />}>
      <CpuFigure />
      <CpuLine />
    </Card>
  )
}

function CpuFigure() {
  const share = useLatest('metrics.updated', { select: cpuShare })
  return (
    <p className="figure" data-figure="cpu">
      {percent(share)}
    </p>
  )
}

function CoreCount() {
  const count = useLatest('metrics.updated', { select: cores })
  return count === undefined ? 'Waiting for metrics.updated' : plural(count, 'core')
}
