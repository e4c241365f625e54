import { describe, expect, it } from 'vitest'

import { bytes, bytesPerSecond, clock, count, duration, milliseconds, percent, plural, rate, round, text, UNKNOWN } from './format.ts'

describe('bytes', () => {
  it.each([
    [0, '0 B'],
    [1, '1 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [1536, '1.50 KiB'],
    [10_240, '10.0 KiB'],
    [1_048_064, '1.00 MiB'],
    [1_048_575, '1.00 MiB'],
    [16 * 2 ** 30, '16.0 GiB'],
    [2 ** 50, '1.00 PiB'],
    [2 ** 60, '1024 PiB'],
  ])('%d is %s', (value, shown) => expect(text(bytes(value))).toBe(shown))

  it('says that a figure is not known', () => {
    expect(bytes(undefined).value).toBe(UNKNOWN)
    expect(bytes(NaN).value).toBe(UNKNOWN)
    expect(text(bytesPerSecond(Infinity))).toBe(`${UNKNOWN} B/s`)
  })

  it('never shows four digits before the next unit', () => {
    for (let power = 10; power < 50; power += 1) {
      const { value, unit } = bytes(2 ** power - 1)
      expect(unit === 'B' || value.length <= 5, `${value} ${unit}`).toBe(true)
      expect(value).not.toBe('1024')
    }
  })
})

describe('count', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [999_999, '999,999'],
    [999_999.6, '1.00 M'],
    [12_345_678, '12.3 M'],
    [4_200_000_000, '4.20 G'],
  ])('%d is %s', (value, shown) => expect(count(value)).toBe(shown))
})

describe('rate', () => {
  it.each([
    [0, '0.0'],
    [2.04, '2.0'],
    [9.94, '9.9'],
    [9.96, '10'],
    [1234.4, '1,234'],
    [undefined, UNKNOWN],
  ])('%s is %s', (value, shown) => expect(rate(value)).toBe(shown))
})

describe('percent', () => {
  it.each([
    [0, '0.0 %'],
    [0.054, '5.4 %'],
    [0.0996, '10 %'],
    [1, '100 %'],
  ])('%d is %s', (value, shown) => expect(text(percent(value))).toBe(shown))
})

describe('milliseconds', () => {
  it.each([
    [0.04, '0.0 ms'],
    [9.96, '10.0 ms'],
    [99.96, '100 ms'],
    [999.6, '1.00 s'],
    [12_340, '12.3 s'],
  ])('%d is %s', (value, shown) => expect(text(milliseconds(value))).toBe(shown))
})

describe('duration', () => {
  it.each([
    [0, '0 s'],
    [0.9, '0 s'],
    [59, '59 s'],
    [60, '1 min'],
    [61, '1 min 1 s'],
    [3600, '1 h'],
    [3661, '1 h 1 min'],
    [86_400 * 3 + 3600 * 4 + 59, '3 d 4 h'],
    [86_400 + 59, '1 d'],
    [-5, '0 s'],
    [undefined, UNKNOWN],
  ])('%s is %s', (value, shown) => expect(duration(value)).toBe(shown))
})

it('tells the time of day with and without milliseconds', () => {
  const at = new Date(2026, 0, 2, 3, 4, 5, 67).getTime()
  expect(clock(at)).toBe('03:04:05')
  expect(clock(at, true)).toBe('03:04:05.067')
})

it('leaves out zeros on a scale', () => {
  expect([0, 1536, 2 ** 33, 10 * 2 ** 20].map((value) => round(bytes(value)))).toEqual(['0 B', '1.5 KiB', '8 GiB', '10 MiB'])
})

it('counts in words', () => {
  expect(plural(1, 'message')).toBe('1 message')
  expect(plural(0, 'message')).toBe('0 messages')
  expect(plural(2, 'entry', 'entries')).toBe('2 entries')
})
