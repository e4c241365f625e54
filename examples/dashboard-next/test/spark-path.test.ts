import { expect, it } from 'vitest'
import { HOLE_MS, shareScale, sparkPaths } from '@/lib/spark-path'

const view = { end: 10_000, spanMs: 10_000, top: 1, width: 100, height: 50 }

it('draws time to the right and values upwards', () => {
  const samples = [
    { at: 8000, value: 0 },
    { at: 9000, value: 0.5 },
    { at: 10_000, value: 1 },
  ]
  const { line, area } = sparkPaths(samples, view)
  expect(line).toBe('M80.0 50.0L90.0 25.0L100.0 0.0')
  expect(area).toBe('M80.0 50L80.0 50.0L90.0 25.0L100.0 0.0L100.0 50Z')
})

it('breaks where samples are missing, and shows a lone sample as a dot', () => {
  const samples = [0, 1000, 1000 + HOLE_MS, 1001 + 2 * HOLE_MS].map((at) => ({ at, value: 0 }))
  expect(sparkPaths(samples, view).line).toBe('M0.0 50.0L10.0 50.0L35.0 50.0M60.0 50.0h0')
})

it('leaves out what is not in the span, and keeps values within the edges', () => {
  const samples = [
    { at: -1, value: 0 },
    { at: 9000, value: 7 },
    { at: 10_000, value: -7 },
    { at: 10_001, value: 0 },
  ]
  expect(sparkPaths(samples, view).line).toBe('M90.0 0.0L100.0 50.0')
})

it('has nothing to draw without samples', () => {
  expect(sparkPaths([], view)).toEqual({ line: '', area: '' })
})

it.each([
  [[], 0.1],
  [[0.1], 0.1],
  [[0.02, 0.11], 0.25],
  [[0.3], 0.5],
  [[0.51], 1],
])('scales %j to %d', (values, top) => {
  expect(shareScale(values.map((value) => ({ at: 0, value })))).toBe(top)
})
