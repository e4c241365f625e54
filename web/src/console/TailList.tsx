import { useEffect, useId, useRef } from 'react'

import { clock } from '../lib/format.ts'
import { nextChoice } from './nextChoice.ts'
import type { TailRow } from './tailLog.ts'

interface TailListProps {
  rows: readonly TailRow[]
  chosen: number | undefined
  onChoose: (row: TailRow) => void
  running: boolean
}

/** The rows of a tail. One stop for the Tab key; arrows move the choice. */
export function TailList({ rows, chosen, onChoose, running }: TailListProps) {
  const prefix = useId()
  const list = useRef<HTMLUListElement>(null)
  const moved = useRef(false)
  useEffect(() => {
    if (!moved.current) return
    moved.current = false
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' })
  }, [chosen])
  if (rows.length === 0) {
    return (
      <div className="tail empty">
        <p>
          {running ? (
            'Nothing has passed yet.'
          ) : (
            <>
              Start to see messages as they pass. <code>*</code> stands for one word, <code>&gt;</code> at the end for the rest.
            </>
          )}
        </p>
      </div>
    )
  }
  const shown = rows.some(({ id }) => id === chosen)
  return (
    <ul
      ref={list}
      className="tail scroll"
      role="listbox"
      aria-label="Messages, newest first"
      tabIndex={0}
      aria-activedescendant={shown ? `${prefix}${chosen}` : undefined}
      onKeyDown={(event) => {
        const next = nextChoice(event.key, rows, chosen)
        if (!next) return
        event.preventDefault()
        moved.current = true
        onChoose(next)
      }}
    >
      {rows.map((row) => (
        <li
          key={row.id}
          id={`${prefix}${row.id}`}
          role="option"
          aria-selected={row.id === chosen}
          className={row.kind === 'gap' ? 'tail__gap' : 'tail__row'}
          onClick={() => onChoose(row)}
        >
          <span className="tail__time">{clock(row.at, true)}</span>
          {row.kind === 'gap' ? (
            <span>{row.words}</span>
          ) : (
            <>
              <span className="tail__subject mono" title={row.subject}>
                {row.subject}
              </span>
              <span className="tail__preview mono">{row.preview === '' ? <span className="hint">no body</span> : row.preview}</span>
            </>
          )}
        </li>
      ))}
    </ul>
  )
}
