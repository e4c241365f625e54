import type { ConnectionState } from 'pointsman'

export const LINK_WORDS: Record<ConnectionState, { word: string; level: '' | 'good' | 'warn' | 'bad' }> = {
  idle: { word: 'Idle', level: '' },
  connecting: { word: 'Connecting', level: 'warn' },
  connected: { word: 'Connected', level: 'good' },
  reconnecting: { word: 'Reconnecting', level: 'warn' },
  degraded: { word: 'Degraded', level: 'bad' },
  closed: { word: 'Closed', level: '' },
  failed: { word: 'Failed', level: 'bad' },
}

interface LinkBadgeProps {
  state: ConnectionState
  /** Failed attempts since the link was lost. */
  attempt: number
}

/** The state of the link; said aloud politely when it changes, attempts left out so that they do not chatter. */
export function LinkBadge({ state, attempt }: LinkBadgeProps) {
  const { word, level } = LINK_WORDS[state]
  return (
    <>
      <span className={`badge ${level && `badge--${level}`}`} data-link-state={state}>
        {word}
        {attempt > 0 && state !== 'connected' && ` · ${attempt}`}
      </span>
      <span className="hidden-visually" role="status">{`Link ${word.toLowerCase()}`}</span>
    </>
  )
}
