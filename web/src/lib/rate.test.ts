import { describe, expect, it } from 'vitest'

import { CounterRate, Median, RateMeter } from './rate.ts'
import { RateCap } from './rateCap.ts'

describe('CounterRate', () => {
  it('needs two readings', () => {
    const counter = new CounterRate()
    expect(counter.read(100, 1000)).toBeUndefined()
    expect(counter.read(150, 1500)).toBe(100)
  })

  it('does not tell of a counter that began anew', () => {
    const counter = new CounterRate()
    counter.read(100, 1000)
    expect(counter.read(5, 2000)).toBeUndefined()
    expect(counter.read(15, 3000)).toBe(10)
  })

  it('passes over a reading that is not newer', () => {
    const counter = new CounterRate()
    counter.read(100, 1000)
    expect(counter.read(200, 1000)).toBeUndefined()
    expect(counter.read(200, 2000)).toBe(100)
  })
})

describe('RateMeter', () => {
  it('tells the mean of the window', () => {
    const meter = new RateMeter(250, 12)
    for (let now = 0; now < 6000; now += 100) meter.mark(now)
    expect(meter.perSecond(6000)).toBeCloseTo(10, 0)
  })

  it('does not exaggerate the first message', () => {
    const meter = new RateMeter(250, 12)
    meter.mark(10_000)
    expect(meter.perSecond(10_001)).toBeLessThanOrEqual(1)
  })

  it('falls to nothing when nothing comes', () => {
    const meter = new RateMeter(250, 12)
    meter.mark(0, 100)
    expect(meter.perSecond(1000)).toBeGreaterThan(0)
    expect(meter.perSecond(60_000)).toBe(0)
    expect(new RateMeter().perSecond(5)).toBe(0)
  })
})

describe('Median', () => {
  it('takes the middle of the last few', () => {
    const median = new Median(3)
    expect(median.value).toBeUndefined()
    median.push(1)
    median.push(9)
    expect(median.value).toBe(5)
    median.push(2)
    expect(median.value).toBe(2)
    median.push(100)
    expect(median.value).toBe(9)
    median.clear()
    expect(median.value).toBeUndefined()
  })
})

describe('RateCap', () => {
  it('lets so many through at once and the rest over time', () => {
    const cap = new RateCap(10)
    const passed = (now: number, amount: number) => Array.from({ length: amount }, () => cap.allows(now)).filter(Boolean).length
    expect(passed(0, 25)).toBe(10)
    expect(cap.takeTurnedAway()).toBe(15)
    expect(cap.takeTurnedAway()).toBe(0)
    expect(passed(500, 25)).toBe(5)
    expect(passed(60_000, 25)).toBe(10)
  })

  it('follows a new rate', () => {
    const cap = new RateCap(1)
    expect(cap.allows(0)).toBe(true)
    expect(cap.allows(1)).toBe(false)
    cap.perSecond = 100
    expect(cap.allows(100)).toBe(true)
  })
})
