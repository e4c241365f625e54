import { useEffect, useId, useRef, useState } from 'react'

import { asProblem, call } from '../lib/api.ts'
import type { Problem } from '../lib/api.ts'
import { ProblemNote } from '../ui/ProblemNote.tsx'
import type { ConnectionRow } from './types.ts'

interface CloseDialogProps {
  connection: ConnectionRow
  onDone: (closed: boolean) => void
}

/** Asks before a session is closed. */
export function CloseDialog({ connection, onDone }: CloseDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const heading = useId()
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem>()
  useEffect(() => {
    const shown = dialog.current
    // In development effects run twice; a dialog that is open cannot be opened.
    if (shown && !shown.open) shown.showModal()
  }, [])
  const end = (closed: boolean) => {
    // Gives the focus back to what had it; a dialog that merely vanishes does not.
    dialog.current?.close()
    onDone(closed)
  }
  const close = async () => {
    setBusy(true)
    try {
      await call(`v1/connections/${connection.session}`, { method: 'DELETE' })
      end(true)
    } catch (thrown) {
      setProblem(asProblem(thrown))
      setBusy(false)
    }
  }
  const { session, name, user } = connection
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault()
        end(false)
      }}
    >
      <h2 id={heading}>Close this session?</h2>
      <p>
        <code>{session}</code>
        {name !== '' && ` (${name})`}
        {user !== null && `, user ${user}`}
      </p>
      <p>
        Its client gets code 3504 and does not come back by itself. What waits for it is thrown away.
      </p>
      {problem && <ProblemNote problem={problem} />}
      <div className="row">
        <button type="button" className="button" autoFocus onClick={() => end(false)}>
          Keep it
        </button>
        <button type="button" className="button button--danger" disabled={busy} onClick={() => void close()}>
          Close the session
        </button>
      </div>
    </dialog>
  )
}
