import type { PointsmanError, WebSocketManager } from 'pointsman'
import { useState } from 'react'

import { setLinkToken } from '../lib/linkToken.ts'

const CODES = new Set<string>(['unauthenticated', 'token_expired', 'permission_denied'])

/** Whether a token would help. */
export function wantsToken(cause: PointsmanError | undefined): boolean {
  return cause !== undefined && CODES.has(cause.code)
}

/** Asks for the token of the link. Shown where the server refused the link without one. */
export function LinkTokenForm({ connection }: { connection: WebSocketManager }) {
  const [token, setToken] = useState('')
  return (
    <form
      className="row row--end"
      onSubmit={(event) => {
        event.preventDefault()
        setLinkToken(token.trim())
        // What became of it shows in the state of the link.
        connection.connect().catch(() => {})
      }}
    >
      <label className="field grow">
        <span>Token of the link</span>
        <input
          className="input mono"
          type="password"
          autoComplete="off"
          value={token}
          placeholder="one of auth.tokens of the server"
          onChange={(event) => setToken(event.target.value)}
        />
      </label>
      <button type="submit" className="button button--main" disabled={token.trim() === ''}>
        Connect
      </button>
    </form>
  )
}
