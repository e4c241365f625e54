import { useRef, useState } from 'react'

import { asProblem, call, tokenNeeded } from '../lib/api.ts'
import type { Problem } from '../lib/api.ts'
import { bytes, count, duration, plural, text, UNKNOWN } from '../lib/format.ts'
import { useStore } from '../lib/store.ts'
import { usePoll } from '../lib/usePoll.ts'
import { ProblemNote } from '../ui/ProblemNote.tsx'
import { CloseDialog } from './CloseDialog.tsx'
import type { ConnectionWhole } from './types.ts'

const EVERY_MS = 2000
const SUBSCRIPTIONS_SHOWN = 200

interface ConnectionDetailProps {
  session: string | undefined
  onClosed: () => void
}

/** One session with its subscriptions. */
export function ConnectionDetail({ session, onClosed }: ConnectionDetailProps) {
  const needed = useStore(tokenNeeded)
  const [whole, setWhole] = useState<ConnectionWhole>()
  const [problem, setProblem] = useState<Problem>()
  const [asking, setAsking] = useState(false)
  const [closed, setClosed] = useState(false)
  const heading = useRef<HTMLHeadingElement>(null)
  usePoll(
    async (signal) => {
      try {
        setWhole(await call<ConnectionWhole>(`v1/connections/${session}`, { signal }))
        setProblem(undefined)
      } catch (thrown) {
        signal.throwIfAborted()
        setProblem(asProblem(thrown))
      }
    },
    EVERY_MS,
    session !== undefined && !closed && needed === undefined && problem?.status !== 404,
    session,
  )
  if (session === undefined) {
    return (
      <div className="detail empty">
        <p>Choose a session to see its subscriptions or to close it.</p>
      </div>
    )
  }
  const gone = problem?.status === 404
  return (
    <div className="detail">
      <div className="detail__head">
        <h3 className="mono" ref={heading} tabIndex={-1}>
          {session}
        </h3>
        <button type="button" className="button button--danger button--small" disabled={!whole || closed || gone} onClick={() => setAsking(true)}>
          Close this session…
        </button>
      </div>
      <p role="status" className={closed ? 'detail__closed' : 'hidden-visually'}>
        {closed ? 'Closed. Its client was told to stay away (code 3504).' : ''}
      </p>
      {!closed && gone && <p className="hint">This session has ended.</p>}
      {!closed && !gone && problem && needed === undefined && <ProblemNote problem={problem} />}
      {whole && !closed && !gone && <Facts whole={whole} />}
      {asking && whole && (
        <CloseDialog
          connection={whole}
          onDone={(done) => {
            setAsking(false)
            if (!done) return
            setClosed(true)
            // The button that had the focus cannot be used any more.
            heading.current?.focus()
            onClosed()
          }}
        />
      )}
    </div>
  )
}

function Facts({ whole }: { whole: ConnectionWhole }) {
  const list = whole.subscription_list
  const shown = list.slice(0, SUBSCRIPTIONS_SHOWN)
  return (
    <div className="detail__columns">
      <dl className="facts">
        <dt>Name</dt>
        <dd title={whole.name}>{whole.name || UNKNOWN}</dd>
        <dt>User</dt>
        <dd>{whole.user ?? 'anonymous'}</dd>
        <dt>Link</dt>
        <dd>{whole.attached ? `${whole.link}, ${whole.codec}` : 'away; the session is kept for a while'}</dd>
        <dt>Address</dt>
        <dd className="mono">{whole.address ?? UNKNOWN}</dd>
        <dt>Age</dt>
        <dd>{duration(whole.connected_ms_ago / 1000)}</dd>
        <dt>Waiting</dt>
        <dd>
          {plural(whole.pending_messages, 'message')}, {text(bytes(whole.pending_bytes))}
        </dd>
      </dl>
      <div className="detail__subscriptions">
        <p className="hint">
          {plural(whole.subscriptions, 'subscription')}
          {whole.subscriptions > shown.length && `, the first ${count(shown.length)} shown`}
        </p>
        <ul className="scroll" tabIndex={0} aria-label="Subscriptions">
          {shown.map(({ sid, pattern, queue }) => (
            <li key={sid}>
              <span className="hint">{sid}</span> <code>{pattern}</code>
              {queue !== null && <span className="hint"> in queue group {queue}</span>}
            </li>
          ))}
        </ul>
      </div>
    </div>
  )
}
