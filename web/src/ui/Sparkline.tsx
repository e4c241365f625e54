import { sparkPath } from './sparkPath.ts'

const WIDTH = 100
const HEIGHT = 24

/** A line of the last values without axes; what is missing breaks it. The value itself stands beside it. */
export function Sparkline({ values, capacity }: { values: readonly (number | undefined)[]; capacity: number }) {
  return (
    <svg className="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path
        d={sparkPath(values, capacity, WIDTH, HEIGHT)}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        vectorEffect="non-scaling-stroke"
        strokeLinejoin="round"
      />
    </svg>
  )
}
