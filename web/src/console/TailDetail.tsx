import { bytes, clock, count, text } from '../lib/format.ts'
import { CopyButton } from '../ui/CopyButton.tsx'
import type { TailRow } from './tailLog.ts'

/** One message in full. It stays when the list has moved on. */
export function TailDetail({ row }: { row: TailRow | undefined }) {
  if (!row) {
    return (
      <div className="detail empty">
        <p>Choose a message to read it in full.</p>
      </div>
    )
  }
  if (row.kind === 'gap') {
    return (
      <div className="detail">
        <div className="detail__head">
          <h3>Gap at {clock(row.at, true)}</h3>
        </div>
        <p>Here the tail {row.words}.</p>
      </div>
    )
  }
  const headers = Object.entries(row.headers)
  const size = new TextEncoder().encode(row.text).length
  return (
    <div className="detail">
      <div className="detail__head">
        <h3 className="mono">{row.subject}</h3>
        <span className="hint">
          {clock(row.at, true)} · {text(bytes(size))} as shown
        </span>
        <CopyButton text={row.text} what="the body" />
      </div>
      {(headers.length > 0 || row.reply !== undefined) && (
        <dl className="facts detail__headers">
          {headers.map(([name, values]) => (
            <div key={name} className="facts__row">
              <dt className="mono">{name}</dt>
              <dd className="mono">{values.join(', ')}</dd>
            </div>
          ))}
          {row.reply !== undefined && (
            <div className="facts__row">
              <dt>answers go to</dt>
              <dd className="mono">{row.reply}</dd>
            </div>
          )}
        </dl>
      )}
      <pre className="detail__body scroll" tabIndex={0} aria-label="Body">
        {row.text}
        {row.cut > 0 && `\n… ${count(row.cut)} characters more are not kept.`}
      </pre>
    </div>
  )
}
