'use client'

import { useEvent } from 'pointsman/react'
import { useState } from 'react'
import { clock } from '@/lib/format'
import type { Announcement } from '@/lib/events'

/** The last announcement, on every live page. */
export function AnnouncementLine() {
  const [last, setLast] = useState<Announcement>()
  useEvent('dashboard.announcement', ({ data }) => {
    if (typeof data?.text === 'string' && typeof data.at === 'number') setLast(data)
  })
  return (
    <p className="announcement" role="status" data-announcement={last?.text}>
      {last ? (
        <>
          <time dateTime={new Date(last.at).toISOString()}>{clock(last.at)}</time> {last.text}
        </>
      ) : (
        'No announcement yet.'
      )}
    </p>
  )
}
