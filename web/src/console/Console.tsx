import { EventsProvider, useConnectionState } from 'pointsman/react'

import { LinkBadge } from '../ui/LinkBadge.tsx'
import { TopBar } from '../ui/TopBar.tsx'
import { Connections } from './Connections.tsx'
import { client } from './link.ts'
import { Overview } from './Overview.tsx'
import { PublishPanel } from './PublishPanel.tsx'
import { TailPanel } from './TailPanel.tsx'
import { ForgetToken, TokenPanel } from './TokenPanel.tsx'

/** The page of operators. */
export function Console() {
  return (
    <EventsProvider client={client}>
      <Bar />
      <main className="page console" id="main" tabIndex={-1}>
        <h1 className="hidden-visually">Console</h1>
        <TokenPanel />
        <Overview />
        <div className="console__columns">
          <Connections />
          <TailPanel />
        </div>
        <PublishPanel />
      </main>
    </EventsProvider>
  )
}

function Bar() {
  const { state, attempt } = useConnectionState((snapshot) => snapshot)
  return (
    <TopBar current="Console">
      <ForgetToken />
      <LinkBadge state={state} attempt={attempt} />
    </TopBar>
  )
}
