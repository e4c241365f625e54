import { expect, it } from 'vitest'

import { sparkArea, sparkPath } from './sparkPath.ts'

it('runs to the right edge, zero at the bottom', () => {
  expect(sparkPath([0, 4], 3, 100, 24)).toBe('M50.0 23.0L100.0 5.4')
})

it('breaks where a value is missing', () => {
  const path = sparkPath([1, undefined, 1, 1], 4, 90, 24)
  expect(path.match(/M/g)).toHaveLength(2)
  expect(path.match(/L/g)).toHaveLength(1)
})

it('shows no more than its capacity, and nothing of nothing', () => {
  expect(sparkPath([9, 9, 9, 1], 2, 100, 24).startsWith('M0.0')).toBe(true)
  expect(sparkPath([], 10, 100, 24)).toBe('')
  expect(sparkPath([undefined], 10, 100, 24)).toBe('')
})

it('fills each piece down to the bottom', () => {
  expect(sparkArea('M0.0 5.0L10.0 6.0M30.0 7.0', 24)).toBe('M0.0 24L0.0 5.0L10.0 6.0L10.0 24ZM30.0 24L30.0 7.0L30.0 24Z')
  expect(sparkArea('', 24)).toBe('')
})
