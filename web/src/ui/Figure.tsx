import type { ReactNode } from 'react'

interface FigureProps {
  label: string
  value: string
  unit?: string
  more?: ReactNode
  /** Room for `more`, whether it is known yet or not. */
  wide?: boolean
  children?: ReactNode
}

/** One number of a strip of figures, with its unit. Stands in a `dl.figures`. */
export function Figure({ label, value, unit, more, wide = false, children }: FigureProps) {
  return (
    <div className={wide ? 'figure figure--wide' : 'figure'}>
      <dt>{label}</dt>
      <dd>
        <span className="figure__value">{value}</span>
        {unit !== undefined && unit !== '' && <span className="figure__unit">{unit}</span>}
        {more !== undefined && <span className="figure__more">{more}</span>}
      </dd>
      {children}
    </div>
  )
}
