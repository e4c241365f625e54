const PAGE = 10

/** The row that a key moves the choice to, if the key is one that moves it. */
export function nextChoice<Row extends { id: number }>(key: string, rows: readonly Row[], chosen: number | undefined): Row | undefined {
  const at = rows.findIndex(({ id }) => id === chosen)
  const last = rows.length - 1
  const clamp = (place: number) => rows[Math.max(0, Math.min(last, place))]
  switch (key) {
    case 'ArrowDown':
      return clamp(at + 1)
    case 'ArrowUp':
      return clamp(at === -1 ? 0 : at - 1)
    case 'PageDown':
      return clamp(at + PAGE)
    case 'PageUp':
      return clamp(at - PAGE)
    case 'Home':
      return clamp(0)
    case 'End':
      return clamp(last)
    case 'Enter':
    case ' ':
      return at === -1 ? clamp(0) : undefined
    default:
      return undefined
  }
}
