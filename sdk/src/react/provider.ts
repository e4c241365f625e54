import { createContext, createElement, useContext, type ReactElement, type ReactNode } from 'react'
import type { Client, Events } from '../index'

const ClientContext = createContext<Client | undefined>(undefined)

/** What {@link EventsProvider} takes. */
export interface EventsProviderProps<E> {
  client: Client<E>
  children?: ReactNode
}

/** Gives a client to the components below. It opens and closes nothing: the client belongs to who made it. */
export function EventsProvider<E = Events>({ client, children }: EventsProviderProps<E>): ReactElement {
  // What events a program has is known to its types alone; hooks take them from `Register`.
  return createElement(ClientContext.Provider, { value: client as unknown as Client }, children)
}

/** The client of the nearest {@link EventsProvider}. */
export function useClient<E = Events>(): Client<E> {
  const client = useContext(ClientContext)
  if (!client) throw new Error('There is no EventsProvider above this component; wrap the tree in <EventsProvider client={client}>.')
  return client as unknown as Client<E>
}
