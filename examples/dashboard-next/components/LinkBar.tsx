'use client'

import type { Gap } from 'pointsman'
import { useClient, useConnectionState } from 'pointsman/react'
import { useEffect, useState } from 'react'
import { gapWords, linkWords, STATES } from '@/lib/link-words'

/** How the link is, and what was lost on it. Its height never changes. */
export function LinkBar() {
  const snapshot = useConnectionState()
  const { connection } = useClient()
  const gap = useLastGap()
  const { word, tone } = STATES[snapshot.state]
  const canTry = snapshot.state === 'degraded' || snapshot.state === 'failed'
  return (
    <section className="linkbar" aria-label="Link">
      <span className={`badge badge--${tone}`} data-state={snapshot.state} role="status">
        {word}
      </span>
      <p className="linkbar__words">{linkWords(snapshot)}</p>
      {/* What comes of it shows in the badge. */}
      <button type="button" hidden={!canTry} onClick={() => void connection.connect().catch(() => {})}>
        Try now
      </button>
      <p className="linkbar__gaps" data-gaps={snapshot.gaps} role="status" title={gap && gapWords(gap)}>
        {gap ? `${snapshot.gaps} ${snapshot.gaps === 1 ? 'gap' : 'gaps'}. ${gapWords(gap)}` : 'No gaps'}
      </p>
    </section>
  )
}

function useLastGap(): Gap | undefined {
  const { connection } = useClient()
  const [gap, setGap] = useState<Gap>()
  useEffect(() => connection.on('gap', setGap), [connection])
  return gap
}
