import { CpuCard } from '@/components/CpuCard'
import { MemoryCard } from '@/components/MemoryCard'
import { RouterCard } from '@/components/RouterCard'

export default function OverviewPage() {
  return (
    <>
      <h1>Overview</h1>
      <div className="cards">
        <CpuCard />
        <MemoryCard />
        <RouterCard />
      </div>
    </>
  )
}
