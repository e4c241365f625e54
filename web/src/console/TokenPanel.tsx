import { useState } from 'react'

import { apiToken, setApiToken, tokenNeeded } from '../lib/api.ts'
import { useStore } from '../lib/store.ts'
import { Panel } from '../ui/Panel.tsx'
import { ProblemNote } from '../ui/ProblemNote.tsx'

/** Asks for the token of the API when the API wants one. */
export function TokenPanel() {
  const needed = useStore(tokenNeeded)
  const [token, setToken] = useState('')
  if (!needed) return null
  return (
    <Panel title="This API needs a token">
      <form
        className="panel__body token"
        onSubmit={(event) => {
          event.preventDefault()
          setApiToken(token.trim())
          setToken('')
        }}
      >
        <ProblemNote problem={needed} />
        <div className="row row--end">
          <label className="field grow">
            <span>API token</span>
            <input
              className="input mono"
              type="password"
              autoComplete="off"
              autoFocus
              value={token}
              onChange={(event) => setToken(event.target.value)}
            />
          </label>
          <button type="submit" className="button button--main" disabled={token.trim() === ''}>
            Use it
          </button>
        </div>
        <p className="hint">It is kept in this tab until the tab is closed.</p>
      </form>
    </Panel>
  )
}

/** Forgets the token, where there is one. */
export function ForgetToken() {
  const token = useStore(apiToken)
  if (token === '') return null
  return (
    <button type="button" className="button button--bare topbar__wide" onClick={() => setApiToken('')}>
      Forget the token
    </button>
  )
}
