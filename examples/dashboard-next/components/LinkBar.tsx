'use client'

import { useClient, useConnectionState } from 'pointsman/react'
import { linkWords, STATES } from '@/lib/link-words'

/** How the link is. Its height never changes. */
export function LinkBar() {
  const snapshot = useConnectionState()
  const { connection } = useClient()
  const { word, tone } = STATES[snapshot.state]
  const words = linkWords(snapshot)
  const canTry = snapshot.state === 'degraded' || snapshot.state === 'failed'
  return (
    <section className="linkbar" aria-label="Link">
      <span className={`badge badge--${tone}`} data-state={snapshot.state} role="status">
        {word}
      </span>
      <p title={words}>{words}</p>
      {/* What comes of it shows in the badge. */}
      <button type="button" hidden={!canTry} onClick={() => void connection.connect().catch(() => {})}>
        Try now
      </button>
    </section>
  )
}
