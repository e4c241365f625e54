import { connection } from 'next/server'
import type { ReactNode } from 'react'
import { AnnouncementLine } from '@/components/AnnouncementLine'
import { GapLine } from '@/components/GapLine'
import { LinkBar } from '@/components/LinkBar'
import { LiveEvents } from '@/components/LiveEvents'

const DEFAULT_URL = 'ws://127.0.0.1:7422/v1/ws'

/** The pages that share one link: a layout stays while people move between its pages, and so does the client in it. */
export default async function LiveLayout({ children }: { children: ReactNode }) {
  // The address is read for each request, so that one build runs anywhere.
  await connection()
  const url = process.env.POINTSMAN_WS_URL || process.env.NEXT_PUBLIC_POINTSMAN_URL || DEFAULT_URL
  return (
    <LiveEvents url={url}>
      <div className="status">
        <LinkBar />
        <AnnouncementLine />
        <GapLine />
      </div>
      <main id="content">{children}</main>
    </LiveEvents>
  )
}
