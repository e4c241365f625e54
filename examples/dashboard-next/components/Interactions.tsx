'use client'

import type { Message, UserInteraction } from 'pointsman'
import { useEvents, usePublish } from 'pointsman/react'
import { clock } from '@/lib/format'
import { Card } from './Card'

const SHOWN = 8
const ACTIONS = ['Wave', 'Applaud', 'Ask for a break'] as const

/** What people do on their pages, this one included: publications come back to who sent them, unless the client is made with `echo: false`. */
export function Interactions() {
  const publish = usePublish('user.interaction')
  const messages = useEvents('user.interaction', { limit: SHOWN })
  return (
    <Card id="interactions" title="Interactions" note="the last messages of user.interaction">
      <div className="buttons">
        {ACTIONS.map((action) => (
          <button key={action} type="button" onClick={() => publish({ at: Date.now(), action: 'press', target: action }).catch(() => {})}>
            {action}
          </button>
        ))}
      </div>
      <ol className="list" aria-label="Interactions, newest first">
        {messages.toReversed().map((message, at) => (
          // Messages have no name but their place.
          <Interaction key={at} message={message} />
        ))}
        {messages.length === 0 && <li className="note">Nothing yet. Press a button, here or on another open page.</li>}
      </ol>
    </Card>
  )
}

function Interaction({ message: { data } }: { message: Message<UserInteraction> }) {
  return (
    <li>
      <time>{typeof data?.at === 'number' ? clock(data.at) : ''}</time>
      <span>
        {String(data?.action ?? 'did something')} <b>{String(data?.target ?? '')}</b>
        {data?.value !== undefined && ` to ${String(data.value)}`}
      </span>
    </li>
  )
}
