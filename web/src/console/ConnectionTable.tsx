import { useConnectionState } from 'pointsman/react'

import { bytes, count, duration, text, UNKNOWN } from '../lib/format.ts'
import type { ConnectionRow } from './types.ts'

interface ConnectionTableProps {
  /** Absent: not known yet. */
  rows: readonly ConnectionRow[] | undefined
  chosen: string | undefined
  onChoose: (session: string) => void
}

export function ConnectionTable({ rows, chosen, onChoose }: ConnectionTableProps) {
  const own = useConnectionState((snapshot) => snapshot.session)
  return (
    <div className="connections scroll" tabIndex={0} role="region" aria-label="Table of connections">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Session</th>
            <th scope="col">Name</th>
            <th scope="col">User</th>
            <th scope="col">Link</th>
            <th scope="col">Address</th>
            <th scope="col" className="number">
              Age
            </th>
            <th scope="col" className="number">
              Subscriptions
            </th>
            <th scope="col" className="number" title="Messages that wait to be written to its link">
              Waiting
            </th>
            <th scope="col" className="number" title="Messages that came from it">
              From it
            </th>
            <th scope="col" className="number" title="Messages that were delivered to it">
              To it
            </th>
          </tr>
        </thead>
        <tbody>
          {rows?.map((row) => (
            <tr key={row.session} className={row.session === chosen ? 'connections__chosen' : ''} onClick={() => onChoose(row.session)}>
              <td>
                <button
                  type="button"
                  className="connections__session mono"
                  aria-pressed={row.session === chosen}
                  title={row.session}
                  onClick={() => onChoose(row.session)}
                >
                  {row.session.slice(0, 8)}
                </button>
              </td>
              <td className="connections__name" title={row.name}>
                {row.name === '' ? <span className="hint">no name</span> : row.name}
                {row.session === own && <span className="hint"> (this page)</span>}
              </td>
              <td>{row.user ?? <span className="hint">anonymous</span>}</td>
              <td>
                {row.attached ? `${row.link}, ${row.codec}` : <span className="badge badge--warn">away</span>}
              </td>
              <td className="mono">{row.address ?? UNKNOWN}</td>
              <td className="number">{duration(row.connected_ms_ago / 1000)}</td>
              <td className="number">{count(row.subscriptions)}</td>
              <td className="number" title={text(bytes(row.pending_bytes))}>
                {count(row.pending_messages)}
              </td>
              <td className="number">{count(row.received_messages)}</td>
              <td className="number">{count(row.delivered_messages)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows?.length === 0 && <p className="empty">Nobody is connected.</p>}
    </div>
  )
}
