import { useState } from 'react'

import { apiToken, asProblem, call, tokenNeeded } from '../lib/api.ts'
import type { Problem } from '../lib/api.ts'
import { count } from '../lib/format.ts'
import { useStore } from '../lib/store.ts'
import { usePoll } from '../lib/usePoll.ts'
import { Panel } from '../ui/Panel.tsx'
import { ProblemNote } from '../ui/ProblemNote.tsx'
import { ConnectionDetail } from './ConnectionDetail.tsx'
import { ConnectionTable } from './ConnectionTable.tsx'
import type { ConnectionPage } from './types.ts'

const EVERY_MS = 2000
const LIMIT = 50

/** Who is connected, page by page, and one of them closer. */
export function Connections() {
  const token = useStore(apiToken)
  const needed = useStore(tokenNeeded)
  // Cursors of the pages up to the one that is shown: the API only knows the way on.
  const [cursors, setCursors] = useState<readonly string[]>(['0'])
  const [page, setPage] = useState<ConnectionPage>()
  const [problem, setProblem] = useState<Problem>()
  const [chosen, setChosen] = useState<string>()
  const [round, setRound] = useState(0)
  const after = cursors.at(-1) ?? '0'
  usePoll(
    async (signal) => {
      try {
        setPage(await call<ConnectionPage>(`v1/connections?limit=${LIMIT}&after=${encodeURIComponent(after)}`, { signal }))
        setProblem(undefined)
      } catch (thrown) {
        signal.throwIfAborted()
        setProblem(asProblem(thrown))
      }
    },
    EVERY_MS,
    needed === undefined,
    `${token} ${after} ${round}`,
  )
  const next = page?.next ?? undefined
  return (
    <Panel
      title="Connections"
      anchor="connections"
      note={page ? `${count(page.total)} in all` : undefined}
      end={
        <>
          <span className="hint">page {cursors.length}</span>
          <button type="button" className="button button--small" disabled={cursors.length < 2} onClick={() => setCursors(cursors.slice(0, -1))}>
            Back
          </button>
          <button
            type="button"
            className="button button--small"
            disabled={next === undefined}
            onClick={() => next !== undefined && setCursors([...cursors, String(next)])}
          >
            Next
          </button>
        </>
      }
    >
      {problem && needed === undefined && (
        <div className="panel__body">
          <ProblemNote problem={problem} />
        </div>
      )}
      <ConnectionTable rows={page?.connections} chosen={chosen} onChoose={setChosen} />
      <ConnectionDetail key={chosen} session={chosen} onClosed={() => setRound(round + 1)} />
    </Panel>
  )
}
