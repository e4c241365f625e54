/** The path of a sparkline: the newest value at the right edge, zero at the bottom, broken where a value is missing. */
export function sparkPath(values: readonly (number | undefined)[], capacity: number, width: number, height: number): string {
  const shown = values.slice(-capacity)
  // Room above, so that a steady value does not look like a limit that is hit.
  const top = Math.max(1e-9, ...shown.map((value) => (value ?? 0) * 1.25))
  const step = width / Math.max(1, capacity - 1)
  let path = ''
  let drawing = false
  for (const [at, value] of shown.entries()) {
    if (value === undefined) {
      drawing = false
      continue
    }
    const x = width - (shown.length - 1 - at) * step
    const y = height - 1 - (value / top) * (height - 2)
    path += `${drawing ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`
    drawing = true
  }
  return path
}

/** The same path closed down to the bottom, piece by piece, to be filled. */
export function sparkArea(path: string, height: number): string {
  return path
    .split('M')
    .filter((piece) => piece !== '')
    .map((piece) => {
      const points = piece.split('L')
      const [first] = (points[0] ?? '').split(' ')
      const [last] = (points.at(-1) ?? '').split(' ')
      return `M${first} ${height}L${piece}L${last} ${height}Z`
    })
    .join('')
}
