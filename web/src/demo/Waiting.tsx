import { useConnectionState } from 'pointsman/react'
import { useEffect, useState } from 'react'

import { linkWords } from './linkWords.ts'
import { isUp } from './outage.ts'

const PATIENCE_MS = 5000

/** Stands where the charts will be until the first figures come, as large as they. */
export function Waiting() {
  const snapshot = useConnectionState((whole) => whole)
  const up = isUp(snapshot.state)
  const [long, setLong] = useState(false)
  useEffect(() => {
    setLong(false)
    if (!up) return
    const timer = setTimeout(() => setLong(true), PATIENCE_MS)
    return () => clearTimeout(timer)
  }, [up])
  return (
    <>
      <div className="hostbar" />
      <div className="charts">
        {['CPU', 'Memory', 'Network', 'Disk'].map((name) => (
          <div key={name} className="panel chart-panel" aria-hidden="true">
            <div className="panel__head">
              <span className="panel__note">{name}</span>
            </div>
            <div className="panel__body">
              <div className="chart" />
              {name === 'CPU' && <div className="cores" />}
            </div>
          </div>
        ))}
        <p className="charts__waiting" role="status">
          {!up && linkWords(snapshot)}
          {up && !long && 'Waiting for the first figures.'}
          {up && long && (
            <>
              Nothing came on <code>metrics.updated</code> yet. A node publishes its figures there when it is started with{' '}
              <code>pointsman dev</code>; any service may too.
            </>
          )}
        </p>
      </div>
    </>
  )
}
