import { EventsProvider, useConnectionState } from 'pointsman/react'

import { useStore } from '../lib/store.ts'
import { LinkBadge } from '../ui/LinkBadge.tsx'
import { TopBar } from '../ui/TopBar.tsx'
import { hosts } from './board.ts'
import { Charts } from './Charts.tsx'
import { EventList } from './EventList.tsx'
import { Feed } from './Feed.tsx'
import { client } from './link.ts'
import { LinkPanel } from './LinkPanel.tsx'
import { NotesPanel } from './NotesPanel.tsx'
import { RouterStrip } from './RouterStrip.tsx'
import { Waiting } from './Waiting.tsx'

/** The dashboard. */
export function Demo() {
  return (
    <EventsProvider client={client}>
      <Feed />
      <Board />
    </EventsProvider>
  )
}

function Board() {
  const all = useStore(hosts.all)
  const chosen = useStore(hosts.chosen)
  const host = chosen === undefined ? undefined : all.get(chosen)
  const { state, attempt } = useConnectionState((whole) => whole)
  return (
    <>
      <TopBar current="Dashboard">
        <LinkBadge state={state} attempt={attempt} />
      </TopBar>
      <main className="page demo" id="main" tabIndex={-1}>
        <h1 className="hidden-visually">Live figures{chosen === undefined ? '' : ` of ${chosen}`}</h1>
        <RouterStrip host={host} />
        <div className="demo__main">{host ? <Charts key={chosen} host={host} /> : <Waiting />}</div>
        <div className="demo__side">
          <LinkPanel />
          <NotesPanel />
          <EventList />
        </div>
      </main>
    </>
  )
}
