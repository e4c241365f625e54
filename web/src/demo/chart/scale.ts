/** The top of a scale of bytes: the next of 1, 1.5, 2, 3, 4, 6, 8 … so that the scale stays put while values wander. */
export function byteTop(peak: number, least: number): number {
  let top = least
  while (top < peak) {
    if (top * 1.5 >= peak) return top * 1.5
    top *= 2
  }
  return top
}

/** Steps of a scale of bytes: powers of two. */
export const BYTE_STEPS = Array.from({ length: 60 }, (_, power) => 2 ** power)

/** Steps of a scale of shares. */
export const SHARE_STEPS = [0.05, 0.1, 0.25, 0.5, 1]

/** Steps of the time axis, in seconds. */
export const TIME_STEPS = [10, 15, 30, 60, 120]

/** The places of values that stand alone: no line runs to them, so they need a dot. */
export function loners(values: readonly (number | null | undefined)[]): number[] {
  const places: number[] = []
  for (const [at, value] of values.entries()) {
    if (typeof value === 'number' && typeof values[at - 1] !== 'number' && typeof values[at + 1] !== 'number') places.push(at)
  }
  return places
}
