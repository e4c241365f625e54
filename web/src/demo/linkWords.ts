import type { ConnectionSnapshot } from 'pointsman'

/** The state of the link in a sentence. */
export function linkWords({ state, cause }: ConnectionSnapshot): string {
  const why = cause ? ` ${cause.message}` : ''
  switch (state) {
    case 'idle':
      return 'Not connected yet.'
    case 'connecting':
      return 'Opening the link.'
    case 'connected':
      return 'Messages arrive as they are published. The first two buttons close the socket under the SDK.'
    case 'reconnecting':
      return 'The link was lost. The session waits at the server, and what is published meanwhile with it.'
    case 'degraded':
      return 'The link has been down for several attempts. It is tried again now and then.'
    case 'closed':
      return 'The link was closed by this page.'
    case 'failed':
      return `The link cannot be made.${why}${cause ? ` ${cause.remediation}` : ''}`
  }
}
