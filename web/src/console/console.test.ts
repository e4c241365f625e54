import { describe, expect, it } from 'vitest'

import { nextChoice } from './nextChoice.ts'
import { StatusRates } from './statusRates.ts'
import { ROWS_MAX, TailLog } from './tailLog.ts'
import type { Status } from './types.ts'

const message = (subject: string, data: unknown, headers = {}) => ({ subject, data, headers })

describe('TailLog', () => {
  it('shows the newest first', () => {
    const log = new TailLog(100, () => 0)
    log.add(message('a', { n: 1 }))
    log.add(message('b', 'text\n  on two lines'))
    const [newest, oldest] = log.view().rows
    expect(newest).toMatchObject({ subject: 'b', text: 'text\n  on two lines', preview: 'text on two lines' })
    expect(oldest).toMatchObject({ subject: 'a', text: '{\n  "n": 1\n}', preview: '{"n":1}' })
  })

  it('stays bounded in rows and in the text of each', () => {
    let now = 0
    const log = new TailLog(1, () => (now += 1000))
    for (let sent = 0; sent < ROWS_MAX + 50; sent += 1) log.add(message('a', 'x'.repeat(20_000)))
    const { rows, seen } = log.view()
    expect(rows).toHaveLength(ROWS_MAX)
    expect(seen).toBe(ROWS_MAX + 50)
    for (const row of rows) expect(row).toMatchObject({ text: 'x'.repeat(16_384), cut: 20_000 - 16_384 })
  })

  it('counts what the cap keeps out', () => {
    const log = new TailLog(10, () => 0)
    for (let sent = 0; sent < 35; sent += 1) log.add(message('a', sent))
    expect(log.view()).toMatchObject({ seen: 35, capped: 25 })
    expect(log.view().rows).toHaveLength(10)
  })

  it('keeps nothing while paused but counts it, and shows gaps all the same', () => {
    const log = new TailLog(10, () => 0)
    log.paused = true
    log.add(message('a', 1))
    log.gap({ patterns: ['>'], lost: 3, reason: 'slow_consumer' })
    expect(log.view()).toMatchObject({ seen: 1, passed: 1, capped: 0, rows: [{ kind: 'gap', words: 'missed 3 messages: this page read too slowly' }] })
  })

  it('reads bodies of every kind', () => {
    const log = new TailLog(100, () => 0)
    for (const data of [undefined, null, 0, new Uint8Array([0, 255])]) log.add(message('a', data))
    expect(log.view().rows.map((row) => (row.kind === 'message' ? row.text : ''))).toEqual(['00 ff', '0', 'null', ''])
  })

  it('shows signs without a form as dots, on one line', () => {
    const log = new TailLog(100, () => 0)
    log.add(message('a', 'a\u0000\u0007b\n\tc'))
    expect(log.view().rows[0]).toMatchObject({ preview: 'a··b c', text: 'a\u0000\u0007b\n\tc' })
  })

  it('clears', () => {
    const log = new TailLog(1, () => 0)
    log.add(message('a', 1))
    log.add(message('a', 1))
    log.clear()
    expect(log.view()).toEqual({ rows: [], seen: 0, capped: 0, passed: 0 })
  })
})

describe('choice by keys', () => {
  const rows = Array.from({ length: 15 }, (_, id) => ({ id: id + 100 }))
  it.each([
    ['ArrowDown', undefined, 100],
    ['ArrowDown', 100, 101],
    ['ArrowDown', 114, 114],
    ['ArrowUp', 101, 100],
    ['ArrowUp', undefined, 100],
    ['PageDown', 100, 110],
    ['PageDown', 110, 114],
    ['PageUp', 105, 100],
    ['Home', 110, 100],
    ['End', 100, 114],
    ['Enter', undefined, 100],
    ['ArrowDown', 999, 100],
  ])('%s from %s goes to %s', (key, from, to) => expect(nextChoice(key, rows, from)?.id).toBe(to))

  it('leaves other keys and empty lists alone', () => {
    expect(nextChoice('a', rows, 100)).toBeUndefined()
    expect(nextChoice('Enter', rows, 100)).toBeUndefined()
    expect(nextChoice('ArrowDown', [], undefined)).toBeUndefined()
  })
})

describe('StatusRates', () => {
  const status = (node: string, received: number): Status => ({
    node,
    version: '0',
    uptime_seconds: 1,
    ready: true,
    connections: 7,
    sessions: 8,
    subscriptions: 9,
    messages_received_total: received,
    messages_delivered_total: 0,
    messages_dropped_total: { slow_consumer: received / 10, policy: 1 },
    bytes_received_total: 0,
    bytes_delivered_total: 0,
    backplane: { kind: 'memory', state: 'up' },
    memory_bytes: 5,
  })

  it('makes rates of counters and keeps gauges', () => {
    const rates = new StatusRates()
    expect(rates.read(status('a', 100), 0).figures).toMatchObject({ messagesIn: undefined, connections: 7, memory: 5 })
    expect(rates.read(status('a', 300), 2000).figures).toMatchObject({ messagesIn: 100, dropped: 10 })
  })

  it('does not compare one node with another', () => {
    const rates = new StatusRates()
    rates.read(status('a', 100), 0)
    expect(rates.read(status('b', 5000), 1000).figures.messagesIn).toBeUndefined()
  })

  it('breaks the lines where a reading is missing, and bounds them', () => {
    const rates = new StatusRates()
    rates.read(status('a', 100), 0)
    rates.read(status('a', 200), 1000)
    expect(rates.miss().messagesIn).toEqual([undefined, 100, undefined])
    for (let more = 0; more < 100; more += 1) rates.miss()
    expect(rates.miss().memory).toHaveLength(StatusRates.capacity)
  })
})
