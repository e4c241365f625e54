import { expect, it } from 'vitest'

import { Ring } from './ring.ts'

it('keeps the newest, in order, and gives back what goes', () => {
  const ring = new Ring<number>(3)
  expect([1, 2, 3, 4, 5].map((each) => ring.push(each))).toEqual([undefined, undefined, undefined, 1, 2])
  expect(ring.toArray()).toEqual([3, 4, 5])
  expect(ring.length).toBe(3)
})

it('behaves as a list that is cut at the front, whatever is done', () => {
  for (const capacity of [1, 2, 3, 7]) {
    const ring = new Ring<number>(capacity)
    let model: number[] = []
    for (let step = 0; step < 40; step += 1) {
      if (step % 13 === 12) {
        ring.clear()
        model = []
      } else {
        ring.push(step)
        model = [...model, step].slice(-capacity)
      }
      expect(ring.toArray()).toEqual(model)
      for (const place of [0, 1, capacity - 1, capacity, -1, -capacity, -capacity - 1]) expect(ring.at(place)).toBe(model.at(place))
    }
  }
})

it('keeps `undefined` as an entry like any other', () => {
  const ring = new Ring<number | undefined>(2)
  ring.push(undefined)
  ring.push(1)
  expect(ring.toArray()).toEqual([undefined, 1])
})

it.each([0, -1, 1.5, NaN])('does not take a capacity of %s', (capacity) => {
  expect(() => new Ring(capacity)).toThrow(RangeError)
})
