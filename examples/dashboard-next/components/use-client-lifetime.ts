import type { Client } from 'pointsman'
import { useEffect, useRef } from 'react'

/**
 * Closes the client when the component goes, and opens it again if React brings the same component back.
 *
 * StrictMode takes every component away and puts it back at once. Closing waits for a turn of the event loop, so that this costs no link.
 */
export function useClientLifetime(client: Client): void {
  const closing = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => {
    clearTimeout(closing.current)
    // What comes of it shows in the state of the link.
    if (client.connection.state === 'closed') client.connection.connect().catch(() => {})
    return () => {
      closing.current = setTimeout(() => client.close(), 0)
    }
  }, [client])
}
