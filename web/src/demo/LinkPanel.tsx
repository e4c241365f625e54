import { useConnectionState } from 'pointsman/react'
import { useEffect, useState } from 'react'

import { milliseconds, text, UNKNOWN } from '../lib/format.ts'
import { LINK_WORDS } from '../ui/LinkBadge.tsx'
import { LinkTokenForm, wantsToken } from '../ui/LinkTokenForm.tsx'
import { Panel } from '../ui/Panel.tsx'
import { useNow } from '../ui/useNow.ts'
import { client, linkSwitch } from './link.ts'
import { linkWords } from './linkWords.ts'
import { isUp } from './outage.ts'

const KEEP_CUT_MS = 10_000

/** How the link is, and two ways to break it. */
export function LinkPanel() {
  const snapshot = useConnectionState((whole) => whole)
  const { state, attempt, nextDelayMs, session, server, gaps, cause } = snapshot
  const [changedAt, setChangedAt] = useState(Date.now)
  const [cutUntil, setCutUntil] = useState(0)
  useEffect(() => setChangedAt(Date.now()), [snapshot])
  const now = useNow(100, !isUp(state) || cutUntil > 0)
  useEffect(() => {
    if (cutUntil > 0 && now >= cutUntil) setCutUntil(0)
  }, [now, cutUntil])

  const cut = (forMs: number) => {
    linkSwitch.cut(forMs)
    setCutUntil(linkSwitch.cutUntil)
  }
  const cutFor = Math.max(0, cutUntil - now)
  const next = nextDelayMs === undefined ? undefined : Math.max(0, nextDelayMs - (now - changedAt))
  const resting = state === 'closed' || state === 'failed' || state === 'idle'
  const mend = () => {
    linkSwitch.mend()
    setCutUntil(0)
    // What failed shows in the state of the link.
    client.connection.connect().catch(() => {})
  }
  return (
    <Panel title="Link" note={<span data-testid="link-state">{LINK_WORDS[state].word}</span>} className="link-panel">
      <div className="panel__body">
        <p className="link-panel__words">{linkWords(snapshot)}</p>
        <dl className="facts">
          <dt>Server</dt>
          <dd>{server ?? UNKNOWN}</dd>
          <dt>Attempts</dt>
          <dd data-testid="attempts">{attempt === 0 ? 'none needed' : `${attempt} since the link was lost`}</dd>
          <dt>Next try</dt>
          <dd>{next === undefined ? UNKNOWN : next === 0 ? 'now' : `in ${text(milliseconds(next))}`}</dd>
          <dt>Session</dt>
          <dd className="mono" title={session}>
            {session ?? UNKNOWN}
          </dd>
          <dt>Gaps told</dt>
          <dd>{gaps === 0 ? 'none' : gaps}</dd>
        </dl>
        {wantsToken(cause) && resting && <LinkTokenForm connection={client.connection} />}
        <div className="link-panel__buttons">
          <button type="button" className="button" disabled={!isUp(state)} onClick={() => cut(0)}>
            Cut the link
          </button>
          <button type="button" className="button" disabled={cutFor > 0} onClick={() => cut(KEEP_CUT_MS)}>
            {cutFor > 0 ? `Cut: ${Math.ceil(cutFor / 1000)} s left` : `Cut for ${KEEP_CUT_MS / 1000} s`}
          </button>
          <button type="button" className="button" disabled={isUp(state)} onClick={mend}>
            Connect now
          </button>
        </div>
      </div>
    </Panel>
  )
}
