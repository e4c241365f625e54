import type { ReactNode } from 'react'

interface CardProps {
  id: string
  title: string
  note?: ReactNode
  children: ReactNode
}

/** A titled part of a page. */
export function Card({ id, title, note, children }: CardProps) {
  return (
    <section className={`card card--${id}`} aria-labelledby={`${id}-title`}>
      <header>
        <h2 id={`${id}-title`}>{title}</h2>
        {note !== undefined && <span className="note">{note}</span>}
      </header>
      {children}
    </section>
  )
}
