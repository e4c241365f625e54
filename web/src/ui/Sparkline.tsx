import { sparkArea, sparkPath } from './sparkPath.ts'

const WIDTH = 100
const HEIGHT = 24

/** A line of the last values without axes; what is missing breaks it. The value itself stands beside it. */
export function Sparkline({ values, capacity }: { values: readonly (number | undefined)[]; capacity: number }) {
  const path = sparkPath(values, capacity, WIDTH, HEIGHT)
  return (
    <svg className="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={sparkArea(path, HEIGHT)} fill="currentColor" fillOpacity="0.13" />
      <path
        d={path}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        vectorEffect="non-scaling-stroke"
        strokeLinejoin="round"
      />
    </svg>
  )
}
