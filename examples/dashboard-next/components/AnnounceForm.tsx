'use client'

import { useState, type FormEvent } from 'react'
import { Card } from './Card'

interface Outcome {
  tone: 'quiet' | 'bad'
  words: string
}

const HINT: Outcome = { tone: 'quiet', words: 'Everybody who has this dashboard open sees it.' }

/** Asks this program's server to announce a text; what it publishes comes back over the link like to everybody else. */
export function AnnounceForm() {
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)
  const [outcome, setOutcome] = useState(HINT)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    const problem = await announce(text)
    setBusy(false)
    if (!problem) setText('')
    setOutcome(problem ? { tone: 'bad', words: problem } : { tone: 'quiet', words: 'The router has accepted it.' })
  }
  return (
    <Card id="announce" title="Announce" note="through app/api/announce">
      <form onSubmit={(event) => void submit(event)}>
        <label htmlFor="announce-text">Text</label>
        <input id="announce-text" value={text} maxLength={200} required autoComplete="off" onChange={(event) => setText(event.target.value)} />
        <button type="submit" disabled={busy || text.trim() === ''}>
          Announce
        </button>
      </form>
      <p className={`note note--${outcome.tone}`} role="status">
        {outcome.words}
      </p>
    </Card>
  )
}

/** Why it failed, or nothing. */
async function announce(text: string): Promise<string | undefined> {
  try {
    const response = await fetch('/api/announce', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text }),
    })
    if (response.ok) return undefined
    const { message, next } = (await response.json()) as { message: string; next: string }
    return `${message}. ${next}`
  } catch {
    return 'The server of this page did not answer. Try again when it runs.'
  }
}
