import { useState } from 'react'

import { CpuPanel } from './CpuPanel.tsx'
import { DiskPanel } from './DiskPanel.tsx'
import { DiskTable } from './DiskTable.tsx'
import { HostBar, WINDOWS } from './HostBar.tsx'
import type { HostModel } from './hostModel.ts'
import { MemoryPanel } from './MemoryPanel.tsx'
import { NetworkPanel } from './NetworkPanel.tsx'

/** All of one host. */
export function Charts({ host }: { host: HostModel }) {
  const [windowMs, setWindowMs] = useState<number>(WINDOWS[1].value)
  return (
    <>
      <HostBar host={host} windowMs={windowMs} onWindow={setWindowMs} />
      <div className="charts">
        <CpuPanel host={host} windowMs={windowMs} />
        <MemoryPanel host={host} windowMs={windowMs} />
        <NetworkPanel host={host} windowMs={windowMs} />
        <DiskPanel host={host} windowMs={windowMs} />
      </div>
      <DiskTable host={host} />
    </>
  )
}
