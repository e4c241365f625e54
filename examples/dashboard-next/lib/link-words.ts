import type { ConnectionSnapshot, ConnectionState, Gap } from 'pointsman'
import { plural } from './format'

/** How a state looks. */
export type Tone = 'quiet' | 'good' | 'wait' | 'bad'

/** The word and the tone of each state of the link. */
export const STATES: Record<ConnectionState, { word: string; tone: Tone }> = {
  idle: { word: 'Idle', tone: 'quiet' },
  connecting: { word: 'Connecting', tone: 'wait' },
  connected: { word: 'Connected', tone: 'good' },
  reconnecting: { word: 'Reconnecting', tone: 'wait' },
  degraded: { word: 'Degraded', tone: 'bad' },
  closed: { word: 'Closed', tone: 'quiet' },
  failed: { word: 'Failed', tone: 'bad' },
}

/** The state of the link in a sentence. */
export function linkWords({ state, attempt, cause }: ConnectionSnapshot): string {
  switch (state) {
    case 'idle':
      return 'The link opens when something subscribes.'
    case 'connecting':
      return 'Opening the link.'
    case 'connected':
      return 'Messages arrive as they are published.'
    case 'reconnecting':
      return `The link was lost and is opened again (attempt ${Math.max(1, attempt)}). The router keeps what is published meanwhile.`
    case 'degraded':
      return `The router has not answered ${plural(attempt, 'attempt')}. It is tried again now and then.`
    case 'closed':
      return 'The link was closed by this page.'
    case 'failed':
      return cause ? `${cause.message}. ${cause.remediation}` : 'The router refused the link.'
  }
}

const REASONS: Record<Gap['reason'], string> = {
  slow_consumer: 'because this page read too slowly',
  resend_overflow: 'because the link was away for longer than the router keeps messages',
  session_gone: 'because the session ended while the link was away',
  backplane: 'because the nodes of the router lost sight of each other',
  policy: 'because a rule of the router held them back',
}

/** A gap in a sentence: how much is missing, why and where. */
export function gapWords({ lost, patterns, reason }: Gap): string {
  const much = lost === undefined ? 'messages are missing' : `${plural(lost, 'message')} ${lost === 1 ? 'is' : 'are'} missing`
  return `${much}, ${REASONS[reason] ?? reason} (${patterns.join(', ')})`
}
