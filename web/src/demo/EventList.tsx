import { clock } from '../lib/format.ts'
import { useStore } from '../lib/store.ts'
import { Panel } from '../ui/Panel.tsx'
import { notices } from './board.ts'
import type { Notice } from './notices.ts'

const KINDS: Record<Notice['kind'], string> = { link: 'Link', gap: 'Gap', status: 'Status', people: 'Page' }

/** What happened on this page, newest first. */
export function EventList() {
  const list = useStore(notices.list)
  return (
    <Panel title="Events" note={list.length > 0 ? 'newest first' : undefined} className="events-panel">
      <div className="panel__body">
        <div className="events scroll" role="log" aria-label="Events" tabIndex={0}>
          <ol>
            {list.map((notice) => (
              <li key={notice.id} className={`events__event events__event--${notice.level}`} data-kind={notice.kind}>
                <time dateTime={new Date(notice.at).toISOString()}>{clock(notice.at)}</time>
                <span className="events__kind">{KINDS[notice.kind]}</span>
                <span className="events__words">{notice.words}</span>
              </li>
            ))}
          </ol>
        </div>
      </div>
    </Panel>
  )
}
