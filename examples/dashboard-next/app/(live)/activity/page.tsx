import type { Metadata } from 'next'
import { AnnounceForm } from '@/components/AnnounceForm'
import { Interactions } from '@/components/Interactions'

export const metadata: Metadata = { title: 'Activity · Live dashboard' }

export default function ActivityPage() {
  return (
    <>
      <h1>Activity</h1>
      <div className="cards">
        <Interactions />
        <AnnounceForm />
      </div>
    </>
  )
}
