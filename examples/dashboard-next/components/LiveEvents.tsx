'use client'

import { createClient } from 'pointsman'
import { EventsProvider } from 'pointsman/react'
import { useState, type ReactNode } from 'react'
import { useClientLifetime } from './use-client-lifetime'

/** Gives one client to everything below. It lives as long as this component, and nothing is opened while rendering on the server. */
export function LiveEvents({ url, children }: { url: string; children: ReactNode }) {
  const [client] = useState(() => createClient({ url, name: 'dashboard-next' }))
  useClientLifetime(client)
  return <EventsProvider client={client}>{children}</EventsProvider>
}
