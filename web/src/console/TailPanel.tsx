import { useClient, useConnectionState } from 'pointsman/react'
import { useId, useState } from 'react'

import { count, plural } from '../lib/format.ts'
import { subjectFault } from '../lib/pattern.ts'
import { LinkTokenForm, wantsToken } from '../ui/LinkTokenForm.tsx'
import { Panel } from '../ui/Panel.tsx'
import { TailDetail } from './TailDetail.tsx'
import { TailList } from './TailList.tsx'
import { ROWS_MAX } from './tailLog.ts'
import type { TailRow, TailView } from './tailLog.ts'
import { useTail } from './useTail.ts'

const CAPS = [10, 50, 200] as const

/** Messages as they pass. */
export function TailPanel() {
  const client = useClient()
  const { state, cause } = useConnectionState((snapshot) => snapshot)
  const [draft, setDraft] = useState('>')
  const [pattern, setPattern] = useState<string>()
  const [perSecond, setPerSecond] = useState<number>(50)
  const [paused, setPaused] = useState(false)
  const [chosen, setChosen] = useState<TailRow>()
  const { view, fault, clear } = useTail({ pattern, perSecond, paused })
  const faultId = useId()
  const draftFault = subjectFault(draft, 'pattern')
  const wrong = fault ?? (draft === '' ? undefined : draftFault)
  const running = pattern !== undefined

  const start = () => {
    if (draftFault !== undefined) return
    setPaused(false)
    setPattern(draft)
    if (state === 'closed' || state === 'failed') {
      // What failed shows in the state of the link.
      client.connection.connect().catch(() => {})
    }
  }
  return (
    <Panel title="Live tail" anchor="tail" note={<TailNote view={view} pattern={pattern} paused={paused} />}>
      <form
        className="panel__body row row--end"
        onSubmit={(event) => {
          event.preventDefault()
          start()
        }}
      >
        <label className="field grow">
          <span>Pattern</span>
          <input
            className="input mono"
            value={draft}
            spellCheck={false}
            autoCapitalize="off"
            aria-invalid={wrong !== undefined}
            aria-describedby={faultId}
            onChange={(event) => setDraft(event.target.value)}
          />
        </label>
        <label className="field">
          <span>At most</span>
          <select className="input" value={perSecond} onChange={(event) => setPerSecond(Number(event.target.value))}>
            {CAPS.map((cap) => (
              <option key={cap} value={cap}>
                {cap} a second
              </option>
            ))}
          </select>
        </label>
        <button type="submit" className="button button--main tail__start" disabled={draftFault !== undefined || pattern === draft}>
          {running ? 'Change' : 'Start'}
        </button>
        <button type="button" className="button tail__pause" disabled={!running} aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? 'Go on' : 'Pause'}
        </button>
        <button type="button" className="button" disabled={!running} onClick={() => setPattern(undefined)}>
          Stop
        </button>
        <button type="button" className="button" disabled={view.rows.length === 0} onClick={clear}>
          Clear
        </button>
        <p id={faultId} className="fault tail__fault" role="alert">
          {wrong}
        </p>
      </form>
      {wantsToken(cause) && (state === 'failed' || state === 'closed') && (
        <div className="panel__body">
          <LinkTokenForm connection={client.connection} />
        </div>
      )}
      <TailList rows={view.rows} chosen={chosen?.id} onChoose={setChosen} running={running} />
      <TailDetail row={chosen} />
    </Panel>
  )
}

function TailNote({ view, pattern, paused }: { view: TailView; pattern: string | undefined; paused: boolean }) {
  if (pattern === undefined && view.seen === 0) return <>not running</>
  const parts = [
    plural(view.seen, 'message'),
    ...(view.capped > 0 ? [`${count(view.capped)} over the cap`] : []),
    ...(view.passed > 0 ? [`${count(view.passed)} passed while paused`] : []),
    ...(view.rows.length === ROWS_MAX ? [`the last ${ROWS_MAX} kept`] : []),
    ...(paused ? ['paused'] : []),
    ...(pattern === undefined ? ['stopped'] : []),
  ]
  return <>{parts.join(' · ')}</>
}
