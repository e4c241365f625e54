'use client'

import { useLatest } from 'pointsman/react'
import { bytes, percent } from '@/lib/format'
import { memoryUse, sameMemoryUse } from '@/lib/metrics'
import { Card } from './Card'

/** The memory of the host. `equal` keeps it from rendering for changes that do not show. */
export function MemoryCard() {
  const use = useLatest('metrics.updated', { select: memoryUse, equal: sameMemoryUse })
  const share = use && use.used / use.total
  return (
    <Card id="memory" title="Memory" note={use ? `of ${bytes(use.total)}` : 'Waiting for metrics.updated'}>
      <p className="figure" data-figure="memory">
        {bytes(use?.used)}
      </p>
      <div
        className="meter"
        role="meter"
        aria-label="Memory in use"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round((share ?? 0) * 100)}
        aria-valuetext={percent(share)}
      >
        <span style={{ transform: `scaleX(${(share ?? 0).toFixed(3)})` }} />
      </div>
      <p className="note">{`${percent(share)} in use`}</p>
    </Card>
  )
}
