'use client'

import type { Gap } from 'pointsman'
import { useClient, useConnectionState } from 'pointsman/react'
import { useEffect, useState } from 'react'
import { plural } from '@/lib/format'
import { gapWords } from '@/lib/link-words'

/** What was lost on the way: how many gaps the router has told, and the last of them. */
export function GapLine() {
  const gaps = useConnectionState((snapshot) => snapshot.gaps)
  const last = useLastGap()
  const words = last && gapWords(last)
  return (
    <p className="gaps" data-gaps={gaps} role="status" title={words}>
      {words ? `${plural(gaps, 'gap')}: ${words}` : 'No gaps: every message has arrived.'}
    </p>
  )
}

function useLastGap(): Gap | undefined {
  const { connection } = useClient()
  const [gap, setGap] = useState<Gap>()
  useEffect(() => connection.on('gap', setGap), [connection])
  return gap
}
