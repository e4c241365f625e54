/** Figures as people read them. Every function gives a text of stable width class, so that tabular digits do not jump. */

/** What stands where a figure is not known. */
export const UNKNOWN = '–'

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const
const COUNT_UNITS = ['', 'k', 'M', 'G', 'T'] as const

const grouped = new Intl.NumberFormat('en-GB')

/** A number and its unit, apart, so that a page can set the unit smaller. */
export interface Quantity {
  value: string
  unit: string
}

function known(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value)
}

/** Three significant digits at most: 4.56, 45.6, 456. */
function digits(value: number): string {
  const size = Math.abs(value)
  if (size >= 99.95) return value.toFixed(0)
  return value.toFixed(size >= 9.995 ? 1 : 2)
}

function scaled(value: number, base: number, units: readonly string[]): Quantity {
  let step = 0
  let rest = value
  // 999.5 would be shown as 1000: it belongs to the next unit already.
  while (Math.abs(rest) >= base - 0.5 && step < units.length - 1) {
    rest /= base
    step += 1
  }
  return { value: step === 0 ? rest.toFixed(0) : digits(rest), unit: units[step] ?? '' }
}

export function bytes(value: number | undefined): Quantity {
  if (!known(value)) return { value: UNKNOWN, unit: 'B' }
  return scaled(value, 1024, BYTE_UNITS)
}

export function bytesPerSecond(value: number | undefined): Quantity {
  const quantity = bytes(value)
  return { value: quantity.value, unit: `${quantity.unit}/s` }
}

/** Whole numbers with separators below a million, then in short form. */
export function count(value: number | undefined): string {
  if (!known(value)) return UNKNOWN
  if (Math.abs(value) < 999_999.5) return grouped.format(Math.round(value))
  const { value: text, unit } = scaled(value, 1000, COUNT_UNITS)
  return `${text} ${unit}`
}

/** A rate per second: one decimal below ten, whole numbers above. */
export function rate(value: number | undefined): string {
  if (!known(value)) return UNKNOWN
  return Math.abs(value) < 9.95 ? value.toFixed(1) : count(value)
}

/** A share from 0 to 1 in percent. */
export function percent(share: number | undefined): Quantity {
  if (!known(share)) return { value: UNKNOWN, unit: '%' }
  const value = share * 100
  return { value: value.toFixed(Math.abs(value) >= 9.95 ? 0 : 1), unit: '%' }
}

export function milliseconds(value: number | undefined): Quantity {
  if (!known(value)) return { value: UNKNOWN, unit: 'ms' }
  if (Math.abs(value) >= 999.5) return { value: digits(value / 1000), unit: 's' }
  return { value: value.toFixed(Math.abs(value) >= 99.95 ? 0 : 1), unit: 'ms' }
}

/** A span of time in its two largest units: 3 d 4 h, 12 min 5 s, 8 s. */
export function duration(seconds: number | undefined): string {
  if (!known(seconds)) return UNKNOWN
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
    .filter(([amount], at) => at === 0 || amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ')
}

/** The time of day, 24 hours, local. */
export function clock(at: number, withMilliseconds = false): string {
  const date = new Date(at)
  const two = (value: number) => String(value).padStart(2, '0')
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  return withMilliseconds ? `${time}.${String(date.getMilliseconds()).padStart(3, '0')}` : time
}

/** A quantity in one text. */
export function text({ value, unit }: Quantity): string {
  return unit === '' ? value : `${value} ${unit}`
}

/** The same without digits that say nothing, for the steps of a scale: 8 GiB. */
export function round({ value, unit }: Quantity): string {
  return text({ value: /^-?\d+\.\d+$/.test(value) ? String(Number(value)) : value, unit })
}

/** `1 message`, `2 messages`. */
export function plural(amount: number, one: string, many = `${one}s`): string {
  return `${count(amount)} ${amount === 1 ? one : many}`
}
