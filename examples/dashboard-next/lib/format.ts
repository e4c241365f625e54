/** What stands where a figure is not known. */
export const UNKNOWN = '–'

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const
// A fixed locale: the server and the browser must write the same.
const grouped = new Intl.NumberFormat('en-GB')

/** A share from 0 to 1: `7.3 %`, `42 %`. */
export function percent(share: number | undefined): string {
  if (share === undefined) return `${UNKNOWN} %`
  const value = share * 100
  return `${value.toFixed(value >= 9.95 ? 0 : 1)} %`
}

/** Three digits and a unit: `1.50 GiB`. */
export function bytes(value: number | undefined): string {
  if (value === undefined) return UNKNOWN
  let rest = value
  let unit = 0
  // 1023.5 would be written as 1024: it belongs to the next unit.
  while (rest >= 1023.5 && unit < UNITS.length - 1) {
    rest /= 1024
    unit += 1
  }
  const digits = unit === 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2
  return `${rest.toFixed(digits)} ${UNITS[unit]}`
}

/** `1,234`. */
export function count(value: number | undefined): string {
  return value === undefined ? UNKNOWN : grouped.format(value)
}

/** `1 message`, `2 messages`. */
export function plural(amount: number, noun: string): string {
  return `${count(amount)} ${noun}${amount === 1 ? '' : 's'}`
}

/** A span in its two largest units: `3 d 4 h`, `12 min 5 s`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ]
  const first = parts.findIndex(([amount]) => amount > 0)
  if (first === -1) return '0 s'
  return parts
    .slice(first, first + 2)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ')
}

/** The time of day in the zone of whoever runs this. */
export function clock(at: number): string {
  const date = new Date(at)
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':')
}
