import type { ConnectionSnapshot } from 'pointsman'
import { beforeEach, describe, expect, it } from 'vitest'

import { byteTop, loners } from './chart/scale.ts'
import { HostModel } from './hostModel.ts'
import { Hosts } from './hosts.ts'
import { LatencyProbe } from './latency.ts'
import type { HostMetrics } from './metrics.ts'
import { readMetrics, readStatusChange } from './metrics.ts'
import { Notes, pageOf } from './notes.ts'
import { Notices } from './notices.ts'
import { OutageWatch } from './outage.ts'

const T = 1_800_000_000_000

function metrics(at: number, host = 'a', cores = 2): HostMetrics {
  const made = readMetrics({ at, host, cpu: { total: 0.5, cores: Array.from({ length: cores }, () => 0.5) }, router: { messages_received_total: at / 10 } })
  if (!made) throw new Error('the sample of the test is not taken')
  return made
}

describe('readMetrics', () => {
  it('takes what the server sends', () => {
    const sent = { at: T, host: 'h', cpu: { total: 0.25, cores: [0.5] }, load: [1, 2, 3], uptime_seconds: 9, disks: [{ name: '/', used_bytes: 1 }] }
    expect(readMetrics(sent)).toMatchObject({
      at: T,
      cpu: { total: 0.25, cores: [0.5] },
      load: [1, 2, 3],
      uptime_seconds: 9,
      disks: [{ name: '/', used_bytes: 1, total_bytes: 0 }],
    })
  })

  const times = ['now', NaN, -1].map((at) => ({ at, host: 'h' }))
  it.each([null, undefined, 'x', 1, [], {}, { at: T }, { host: 'h' }, ...times])('does not take %j', (value) =>
    expect(readMetrics(value)).toBeUndefined(),
  )

  it('counts figures that are none as 0 and bounds what is a list', () => {
    const read = readMetrics({ at: T, host: 'h', cpu: { total: 7, cores: [-1, 'x', null, ...Array(1000).fill(1)] }, disks: Array(1000).fill({}), memory: 5 })
    expect(read?.cpu.total).toBe(1)
    expect(read?.cpu.cores.slice(0, 4)).toEqual([0, 0, 0, 1])
    expect(read?.cpu.cores.length).toBe(256)
    expect(read?.disks.length).toBe(64)
    expect(read?.memory.used_bytes).toBe(0)
    expect(read?.load).toBeUndefined()
  })
})

it('reads changes of state, with their node', () => {
  const change = { at: T, node: 'n', component: 'backplane', state: 'down', cause: 'x' }
  expect(readStatusChange({ ...change })).toEqual(change)
  expect(readStatusChange({ component: 'backplane', state: 'sideways' })).toBeUndefined()
  expect(readStatusChange({ state: 'up' })).toBeUndefined()
})

describe('HostModel', () => {
  it('breaks every line at a gap and marks it up to the next sample', () => {
    const model = new HostModel(metrics(T), () => T)
    model.add(metrics(T + 1000))
    model.gap('missed 12')
    expect([...model.marks]).toEqual([{ kind: 'gap', from: T + 1000, label: 'missed 12' }])
    model.add(metrics(T + 2000))
    expect([...model.marks]).toEqual([{ kind: 'gap', from: T + 1000, to: T + 2000, label: 'missed 12' }])
    for (const series of [model.cpu, model.memory, model.network, model.disk]) {
      for (const column of series.view(0).columns) expect(column.map((value) => value === null)).toEqual([false, false, true, false])
    }
  })

  it('closes a gap with the next sample only, not with one that was seen before', () => {
    const model = new HostModel(metrics(T), () => T)
    model.gap('missed some')
    model.add(metrics(T))
    expect([...model.marks][0]).not.toHaveProperty('to')
    expect(model.latest.get().at).toBe(T)
  })

  it('fills the time of an outage with what is caught up, without a break', () => {
    let now = T
    const model = new HostModel(metrics(T), () => now)
    model.cut()
    now = T + 3000
    model.mend()
    for (const at of [1000, 2000, 3000]) model.add(metrics(T + at))
    expect(model.cpu.view(0).columns[0]).not.toContain(null)
    expect([...model.marks]).toEqual([{ kind: 'cut', from: T, to: T + 3000, label: 'no link' }])
  })

  it('follows the clock of the host by the sample that travelled fastest', () => {
    let now = T
    const model = new HostModel(metrics(T + 5000 - 80), () => now)
    now += 1000
    model.add(metrics(T + 6000 - 5))
    now += 1000
    model.add(metrics(T + 7000 - 300))
    expect(Math.abs(model.hostNow() - (T + 7000))).toBeLessThan(20)
  })

  it('tells the rates of the router', () => {
    const model = new HostModel(metrics(T), () => T)
    expect(model.rates.get().receivedPerSecond).toBeUndefined()
    model.add(metrics(T + 1000))
    expect(model.rates.get().receivedPerSecond).toBe(100)
  })
})

describe('Hosts', () => {
  it('keeps hosts apart and shows the first', () => {
    const hosts = new Hosts(() => T)
    hosts.add(metrics(T, 'a'))
    hosts.add(metrics(T, 'b'))
    hosts.add(metrics(T + 1000, 'a'))
    expect(hosts.chosen.get()).toBe('a')
    expect([...hosts.all.get()].map(([name, host]) => [name, host.latest.get().at])).toEqual([
      ['a', T + 1000],
      ['b', T],
    ])
  })

  it('is bounded', () => {
    const hosts = new Hosts(() => T)
    for (let host = 0; host < 100; host += 1) hosts.add(metrics(T, `h${host}`))
    expect(hosts.all.get().size).toBe(32)
    expect(hosts.turnedAway).toBe(68)
  })

  it('begins anew when the clock of a host was put back, not at a sample that is late', () => {
    const hosts = new Hosts(() => T)
    hosts.add(metrics(T))
    hosts.add(metrics(T - 30_000))
    expect(hosts.all.get().get('a')?.latest.get().at).toBe(T)
    hosts.add(metrics(T - 3_600_000))
    hosts.add(metrics(T - 3_599_000))
    expect(hosts.all.get().get('a')?.latest.get().at).toBe(T - 3_599_000)
  })

  it('begins anew when a host comes back with other cores', () => {
    const hosts = new Hosts(() => T)
    hosts.add(metrics(T, 'a', 2))
    hosts.add(metrics(T + 1000, 'a', 4))
    expect(hosts.all.get().get('a')?.cpu.columns).toBe(5)
  })
})

describe('OutageWatch', () => {
  let now = 0
  let told: string[] = []
  let watch: OutageWatch
  const see = (state: ConnectionSnapshot['state'], more: Partial<ConnectionSnapshot> = {}) =>
    watch.see({ state, attempt: 0, link: 'websocket', gaps: 0, session: 's1', ...more })
  beforeEach(() => {
    now = 0
    told = []
    watch = new OutageWatch(
      ({ words }) => told.push(words),
      () => now,
    )
  })

  it('tells of the loss once, and of the return with what was caught up', () => {
    see('connected', { server: 'pointsman/1' })
    for (const attempt of [1, 2, 3]) see('reconnecting', { attempt })
    see('degraded')
    now = 8200
    see('connected')
    now = 8250
    for (const age of [7000, 4000, 1000, 100]) watch.sample(age)
    expect(told).toHaveLength(2)
    watch.sample(10)
    watch.sample(10)
    expect(told).toEqual([
      'Connected to pointsman/1.',
      'The link was lost; trying again.',
      'Back after 8.20 s, same session: 4 messages caught up, nothing missed.',
    ])
  })

  it('says when something was missed', () => {
    see('connected', { gaps: 3 })
    see('reconnecting', { gaps: 3 })
    see('connected', { gaps: 3 })
    see('connected', { gaps: 4 })
    now = 10
    watch.sample(1)
    expect(told.at(-1)).toContain('some missed')
  })

  it('does not count gaps from before the loss', () => {
    see('connected', { gaps: 0 })
    see('reconnecting', { gaps: 5 })
    see('connected', { gaps: 5 })
    watch.sample(0)
    expect(told.at(-1)).toContain('nothing missed')
  })

  it('says when the session was gone', () => {
    see('connected')
    see('reconnecting')
    see('connected', { session: 's2' })
    watch.sample(0)
    expect(told.at(-1)).toContain('new session')
  })

  it('does not wait for samples for ever', () => {
    see('connected')
    see('reconnecting')
    see('connected')
    watch.tick()
    expect(told).toHaveLength(2)
    now = 3000
    watch.tick()
    watch.tick()
    expect(told).toHaveLength(3)
    expect(told.at(-1)).toContain('nothing to catch up')
  })
})

describe('Notes', () => {
  it('shows a note when it comes back, once, and who sees it', () => {
    const notes = new Notes('aaa', 'Calm Lamp', () => 5)
    const written = notes.write('hello')
    expect(written).toEqual({ at: 5, action: 'note', target: 'aaa.1', value: 'hello', user: 'Calm Lamp' })
    expect(notes.list.get()).toEqual([])
    expect(notes.arrived(written)).toBeUndefined()
    notes.arrived(written)
    notes.seen({ action: 'seen', target: 'aaa.1', user: 'Swift Halt' })
    notes.seen({ action: 'seen', target: 'aaa.9', user: 'nobody' })
    expect(notes.list.get()).toEqual([{ id: 'aaa.1', at: 5, by: 'Calm Lamp', own: true, words: 'hello', seenBy: ['Swift Halt'] }])
  })

  it('says whom to tell of a note of another page', () => {
    const notes = new Notes('aaa', 'Calm Lamp')
    expect(notes.arrived({ action: 'note', target: 'bbb.1', value: 'x', user: 'Swift Halt' })).toBe('bbb')
    expect(notes.list.get()[0]).toMatchObject({ by: 'Swift Halt', own: false })
  })

  const wrong = [{ action: 'click' }, { action: 'note', target: 'b.>', value: 'x' }, { action: 'note', target: 'bbb.1', value: 7 }]
  it.each([null, undefined, {}, ...wrong])('does not take %j', (data) => {
    const notes = new Notes('aaa', 'Calm Lamp')
    expect(notes.arrived(data as never)).toBeUndefined()
    expect(notes.list.get()).toEqual([])
  })

  it('is bounded', () => {
    const notes = new Notes('aaa', 'Calm Lamp')
    for (let sent = 0; sent < 50; sent += 1) notes.arrived({ action: 'note', target: `bbb.${sent}`, value: 'x'.repeat(999) })
    expect(notes.list.get()).toHaveLength(20)
    expect(notes.list.get()[0]?.words).toHaveLength(200)
    notes.arrived(notes.write('mine'))
    for (let sent = 0; sent < 99; sent += 1) notes.seen({ action: 'seen', target: 'aaa.1', user: 'u' })
    expect(notes.list.get()[0]?.seenBy).toHaveLength(50)
  })

  it('makes no subject of an id that could be a pattern', () => {
    expect(pageOf('abc.1')).toBe('abc')
    for (const id of ['>.1', 'a.b.1', '*.1', '.1', 'abc', 'abc.x', `${'a'.repeat(33)}.1`]) expect(pageOf(id)).toBeUndefined()
  })
})

describe('LatencyProbe', () => {
  it('tells the way through the server and the way to the screen', () => {
    let now = 0
    const frames: (() => void)[] = []
    const probe = new LatencyProbe(
      () => now,
      (then) => frames.push(then),
      () => true,
    )
    const number = probe.begin()
    now = 3
    probe.arrived('x')
    probe.arrived(number)
    probe.arrived(number)
    now = 19
    for (const frame of frames.splice(0)) frame()
    expect(probe.measured.get()).toEqual({ linkMs: 3, screenMs: 19 })
    expect(frames).toHaveLength(0)
    probe.reset()
    expect(probe.measured.get()).toEqual({ linkMs: undefined, screenMs: undefined })
  })
})

it('keeps notices bounded, newest first', () => {
  const notices = new Notices(() => 1)
  for (let at = 0; at < 150; at += 1) notices.add({ kind: 'link', level: 'info', words: String(at) })
  expect(notices.list.get()).toHaveLength(100)
  expect(notices.list.get()[0]?.words).toBe('149')
})

describe('scales', () => {
  it('holds the top while values wander below it', () => {
    expect([0, 4096, 4097, 6144, 6145, 1e6].map((peak) => byteTop(peak, 4096))).toEqual([4096, 4096, 6144, 6144, 8192, 1_048_576])
  })

  it('finds values that stand alone', () => {
    expect(loners([1, null, 2, null, 3, 4, null, 5])).toEqual([0, 2, 7])
    expect(loners([1, 2, 3])).toEqual([])
    expect(loners([7])).toEqual([0])
  })
})
