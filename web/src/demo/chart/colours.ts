import { theme } from '../../lib/theme.ts'

const known = new Map<string, string>()
theme.watch(() => known.clear())

/** The value of a colour token in the theme that is shown: a canvas cannot read them by itself. */
export function colour(token: string): string {
  let value = known.get(token)
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(token).trim()
    known.set(token, value)
  }
  return value
}
