import { CpuCard } from '@/components/CpuCard'
import { MemoryCard } from '@/components/MemoryCard'
import { NetworkCard } from '@/components/NetworkCard'
import { RouterCard } from '@/components/RouterCard'

export default function OverviewPage() {
  return (
    <>
      <h1>Overview</h1>
      <div className="cards">
        <CpuCard />
        <MemoryCard />
        <NetworkCard />
        <RouterCard />
      </div>
    </>
  )
}
