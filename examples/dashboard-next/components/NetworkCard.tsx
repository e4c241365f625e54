'use client'

import { useLatest } from 'pointsman/react'
import { bytes } from '@/lib/format'
import { receivedPerSecond, sentPerSecond } from '@/lib/metrics'
import { Card } from './Card'

/** The network of the host. */
export function NetworkCard() {
  const received = useLatest('metrics.updated', { select: receivedPerSecond })
  const sent = useLatest('metrics.updated', { select: sentPerSecond })
  return (
    <Card id="network" title="Network" note="a second">
      <dl className="pair">
        <div>
          <dt>Received</dt>
          <dd data-figure="received">{bytes(received)}</dd>
        </div>
        <div>
          <dt>Sent</dt>
          <dd data-figure="sent">{bytes(sent)}</dd>
        </div>
      </dl>
    </Card>
  )
}
