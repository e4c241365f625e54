import { useId } from 'react'
import type { ReactNode } from 'react'

interface PanelProps {
  title: string
  note?: ReactNode
  /** Controls at the right of the head. */
  end?: ReactNode
  className?: string
  /** An anchor for links within the page. */
  anchor?: string
  children: ReactNode
}

/** A section with a heading of its own. */
export function Panel({ title, note, end, className = '', anchor, children }: PanelProps) {
  const heading = useId()
  return (
    <section className={`panel ${className}`} aria-labelledby={heading} id={anchor}>
      <div className="panel__head">
        <h2 id={heading}>{title}</h2>
        {note !== undefined && <span className="panel__note">{note}</span>}
        {end !== undefined && <div className="panel__end">{end}</div>}
      </div>
      {children}
    </section>
  )
}
