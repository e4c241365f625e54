import { describe, expect, it } from 'vitest'

import { SeriesBuffer } from './series.ts'

const made = (capacity = 10) => new SeriesBuffer({ columns: 2, capacity, holeAfterMs: 2500 })

describe('breaks', () => {
  it('joins samples that follow each other', () => {
    const series = made()
    series.push(1000, [1, 10])
    series.push(2000, [2, 20])
    expect(series.view(0)).toEqual({
      at: [1, 2],
      columns: [
        [1, 2],
        [10, 20],
      ],
    })
  })

  it('breaks the line of every column where a gap was told', () => {
    const series = made()
    series.push(1000, [1, 10])
    series.break()
    series.push(2000, [2, 20])
    const { at, columns } = series.view(0)
    expect(at).toEqual([1, 1.5, 2])
    expect(columns).toEqual([
      [1, null, 2],
      [10, null, 20],
    ])
  })

  it('breaks once for several gaps between two samples', () => {
    const series = made()
    series.push(1000, [1, 1])
    series.break()
    series.break()
    series.push(2000, [2, 2])
    series.push(3000, [3, 3])
    expect(series.view(0).columns[0]).toEqual([1, null, 2, 3])
  })

  it('breaks where samples are missing though nobody told', () => {
    const series = made()
    series.push(1000, [1, 1])
    series.push(3500, [2, 2])
    series.push(6001, [3, 3])
    expect(series.view(0).columns[0]).toEqual([1, 2, null, 3])
  })

  it('does not break before the first sample', () => {
    const series = made()
    series.break()
    series.push(1000, [1, 1])
    expect(series.view(0).columns[0]).toEqual([1])
  })

  it('keeps a column that has no value at one time apart from a break', () => {
    const series = made()
    series.push(1000, [null, 1])
    series.push(2000, [2, 2])
    expect(series.view(0).columns).toEqual([
      [null, 2],
      [1, 2],
    ])
  })
})

it('leaves out samples that were seen before', () => {
  const series = made()
  expect(series.push(2000, [1, 1])).toBe(true)
  expect(series.push(2000, [9, 9])).toBe(false)
  expect(series.push(1000, [9, 9])).toBe(false)
  expect(series.view(0).columns[0]).toEqual([1])
})

it('does not lose a break to a sample that is left out', () => {
  const series = made()
  series.push(2000, [1, 1])
  series.break()
  series.push(1500, [9, 9])
  series.push(3000, [2, 2])
  expect(series.view(0).columns[0]).toEqual([1, null, 2])
})

it('keeps no more rows than it may', () => {
  const series = made(4)
  for (let at = 1; at <= 100; at += 1) series.push(at * 1000, [at, at])
  expect(series.view(0).columns[0]).toEqual([97, 98, 99, 100])
  expect(series.first).toBe(97_000)
  expect(series.newest).toBe(100_000)
})

it('shows a window, with one row before it', () => {
  const series = made()
  for (let at = 1; at <= 6; at += 1) series.push(at * 1000, [at, at])
  expect(series.view(4000).at).toEqual([3, 4, 5, 6])
  expect(series.view(99_000).at).toEqual([6])
  expect(made().view(0)).toEqual({ at: [], columns: [[], []] })
})

it('knows the peak of a window', () => {
  const series = made()
  for (const [at, value] of [9, 3, 5, 4].entries()) series.push((at + 1) * 1000, [value, 0])
  expect(series.peak(0, 0)).toBe(9)
  expect(series.peak(0, 2000)).toBe(5)
  expect(series.peak(0, 9000)).toBeUndefined()
})

it('does not take a sample of another width', () => {
  expect(() => made().push(1, [1])).toThrow(RangeError)
})
