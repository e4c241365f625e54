import type { UserInteraction } from 'pointsman'
import { PointsmanError } from 'pointsman'
import { useEvent, usePublish } from 'pointsman/react'
import { useState } from 'react'

import { clock, plural } from '../lib/format.ts'
import { useStore } from '../lib/store.ts'
import { Panel } from '../ui/Panel.tsx'
import { messageRate } from './board.ts'
import { client, pageId, pageName } from './link.ts'
import type { Note } from './notes.ts'
import { Notes, seenSubject } from './notes.ts'

const notes = new Notes(pageId, pageName)

/** Publishes `user.interaction` and shows which other pages got it. */
export function NotesPanel() {
  const list = useStore(notes.list)
  const publish = usePublish('user.interaction')
  const [words, setWords] = useState('')
  const [fault, setFault] = useState<string>()

  useEvent('user.interaction', ({ data }) => {
    messageRate.mark(performance.now())
    const page = notes.arrived(data)
    if (page === undefined) return
    const seen: UserInteraction = { at: Date.now(), action: 'seen', target: data.target, user: pageName }
    // The writer then counts one page fewer; nothing else depends on it.
    client.events.publish(seenSubject(page), seen).catch(() => {})
  })
  useEvent(seenSubject(pageId), ({ data }) => {
    messageRate.mark(performance.now())
    notes.seen(data as UserInteraction)
  })

  const send = async () => {
    const text = words.trim()
    if (text === '') return
    setFault(undefined)
    setWords('')
    try {
      await publish(notes.write(text), { ack: true })
    } catch (thrown) {
      setFault(thrown instanceof PointsmanError ? `${thrown.message} ${thrown.remediation}` : String(thrown))
      setWords((now) => (now === '' ? text : now))
    }
  }
  return (
    <Panel title="Who else sees it" note={`this page is ${pageName}`} className="notes-panel">
      <div className="panel__body">
        <form
          className="row"
          onSubmit={(event) => {
            event.preventDefault()
            void send()
          }}
        >
          <input
            className="input grow"
            aria-label="Note to all open dashboards"
            placeholder="A note to all open dashboards"
            maxLength={200}
            value={words}
            onChange={(event) => setWords(event.target.value)}
          />
          <button type="submit" className="button button--main" disabled={words.trim() === ''}>
            Publish
          </button>
        </form>
        {fault !== undefined && (
          <p className="fault" role="alert">
            {fault}
          </p>
        )}
        <ul className="notes scroll" tabIndex={0} aria-label="Notes">
          {list.map((note) => (
            <NoteItem key={note.id} note={note} />
          ))}
          {list.length === 0 && (
            <li className="empty">
              <p>
                What is published here as <code>user.interaction</code> shows up on every open dashboard. Open a second one and try.
              </p>
            </li>
          )}
        </ul>
      </div>
    </Panel>
  )
}

function NoteItem({ note }: { note: Note }) {
  const others = note.seenBy.length
  return (
    <li className="notes__note">
      <p>
        <strong>{note.own ? 'You' : note.by}</strong> <span className="hint">{clock(note.at)}</span>
      </p>
      <p className="notes__words">{note.words}</p>
      {note.own && (
        <p className="hint" data-testid="seen">
          {others === 0 ? 'No other page said that it sees this.' : `Seen by ${plural(others, 'other page')}: ${note.seenBy.join(', ')}.`}
        </p>
      )}
    </li>
  )
}
