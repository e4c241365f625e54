import { afterEach, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { createClient, PointsmanError, type Client, type ClientOptions, type Gap, type WebSocketConstructor } from '../../src/index'
import type { Any } from '../bench'

const url = process.env['POINTSMAN_TEST_URL']
const DEADLINE_MS = 20_000

const clients: Client<Any>[] = []

/** Subjects of this run alone, so that several runs may share a router. */
const root = `sdk.t${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`

function client(options: ClientOptions = {}): Client<Any> {
  const made = createClient<Any>({ url, WebSocket: WebSocket as unknown as WebSocketConstructor, name: 'integration test', ...options })
  clients.push(made)
  return made
}

afterEach(() => {
  for (const each of clients.splice(0)) each.close()
})

/** Waits until a condition holds. */
async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`it did not come about within ${DEADLINE_MS} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A WebSocket whose network fails when told to, as a socket that is torn away. */
function breakable(): { WebSocket: WebSocketConstructor; tear(): number; block(blocked: boolean): void; opened(): number } {
  const sockets = new Set<WebSocket>()
  let blocked = false
  let opened = 0
  class Breakable extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(blocked ? 'ws://127.0.0.1:1/' : address, protocols)
      opened += 1
      sockets.add(this)
      this.on('close', () => sockets.delete(this))
      // Without a listener, an error of the network would end the process.
      this.on('error', () => undefined)
    }
  }
  return {
    WebSocket: Breakable as unknown as WebSocketConstructor,
    // Only links that are open: how many that were.
    tear: () => {
      const open = [...sockets].filter((socket) => socket.readyState === WebSocket.OPEN)
      for (const socket of open) socket.terminate()
      return open.length
    },
    block: (value) => (blocked = value),
    opened: () => opened,
  }
}

if (!url) console.warn('skipped: integration tests, because POINTSMAN_TEST_URL is not set (such as ws://127.0.0.1:7422/v1/ws)')

describe.skipIf(!url)('against a router', { timeout: 60_000 }, () => {
  it('connects, publishes and receives, each body as it was sent', async () => {
    const { events, connection } = client()
    const seen: unknown[] = []
    const subscription = events.subscribe(`${root}.bodies`, (message) => seen.push(message.data))
    await subscription.ready
    expect(connection.getSnapshot()).toMatchObject({ state: 'connected', attempt: 0 })
    expect(connection.getSnapshot().server).toMatch(/^pointsman\//)
    const values = [null, 0.5, '', 'text', '42', [1, { b: 'ü€😀\u2028' }], Uint8Array.from({ length: 256 }, (_, at) => at), undefined, { deep: { deep: [] } }]
    for (const value of values) await events.publish(`${root}.bodies`, value, { ack: true })
    await until(() => seen.length === values.length, 'all values come back')
    expect(seen).toEqual(values)
  })

  it('carries headers, and delivers to exactly the subscriptions that match', async () => {
    const { events } = client()
    const seen: string[] = []
    const headers: unknown[] = []
    const patterns = ['a.b', 'a.*', 'a.>', '>', '*.b', 'b']
    await Promise.all(patterns.map((pattern) => events.subscribe(`${root}.match.${pattern}`, () => seen.push(pattern)).ready))
    await events.subscribe(`${root}.match.a.b`, (message) => headers.push(message.headers)).ready
    await events.publish(`${root}.match.a.b`, 1, { ack: true, headers: { trace: ['1', '2'], one: 'x' } })
    await until(() => seen.length === 5 && headers.length === 1, 'five patterns match')
    expect(seen.sort()).toEqual(['*.b', '>', 'a.*', 'a.>', 'a.b'])
    expect(headers).toEqual([{ trace: ['1', '2'], one: ['x'] }])
  })

  it('keeps the order of many messages between two clients, in batches', async () => {
    const sender = client()
    const receiver = client()
    const seen: unknown[] = []
    await receiver.events.subscribe(`${root}.order`, (message) => seen.push(message.data)).ready
    const count = 5000
    for (let number = 0; number < count; number++) await sender.events.publish(`${root}.order`, number)
    await until(() => seen.length === count, 'all arrive')
    expect(seen).toEqual(Array.from({ length: count }, (_, at) => at))
  })

  it('answers requests, and says at once where nobody would', async () => {
    const responder = client()
    const asker = client()
    await responder.events.subscribe(`${root}.double`, (message) => void message.respond((message.data as number) * 2)).ready
    await responder.events.subscribe(`${root}.silent`, () => undefined).ready
    expect((await asker.events.request(`${root}.double`, 21)).data).toBe(42)
    const answers = await Promise.all(Array.from({ length: 50 }, (_, at) => asker.events.request<number>(`${root}.double`, at)))
    expect(answers.map(({ data }) => data)).toEqual(answers.map((_, at) => at * 2))
    await expect(asker.events.request(`${root}.nobody`, 1)).rejects.toMatchObject({ code: 'no_responders', number: 200 })
    await expect(asker.events.request(`${root}.silent`, 1, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'timeout_local' })
  })

  it('shares the work of a queue group', async () => {
    const counts = [0, 0, 0]
    const members = [client(), client(), client()]
    await Promise.all(members.map(({ events }, at) => events.subscribe(`${root}.jobs`, () => void counts[at]!++, { queue: 'workers' }).ready))
    const { events } = client()
    for (let left = 300; left > 0; left--) await events.publish(`${root}.jobs`, left)
    await events.publish(`${root}.jobs`, 0, { ack: true })
    await until(() => counts.reduce((sum, count) => sum + count) === 301, 'each job is done')
    for (const count of counts) expect(count).toBeGreaterThan(0)
  })

  it('ends after `max`, and unsubscribes', async () => {
    const { events } = client({ lingerMs: 0 })
    const seen: unknown[] = []
    const limited = events.subscribe(`${root}.max`, (message) => seen.push(message.data), { max: 2 })
    const other = events.subscribe(`${root}.max`, (message) => seen.push([message.data]))
    await Promise.all([limited.ready, other.ready])
    for (const number of [1, 2, 3]) await events.publish(`${root}.max`, number, { ack: true })
    await until(() => seen.length === 5, 'two and three')
    expect(limited.state).toBe('closed')
    other.unsubscribe()
    await events.publish(`${root}.max`, 4, { ack: true })
    expect(seen.filter((item) => !Array.isArray(item))).toEqual([1, 2])
    await expect(events.request(`${root}.max`, 5)).rejects.toMatchObject({ code: 'no_responders' })
  })

  it('takes up its session after the link was torn, again and again, and loses nothing', async () => {
    const network = breakable()
    const { events, connection } = client({ WebSocket: network.WebSocket, reconnect: { minDelayMs: 5, maxDelayMs: 20, maxReconnectAttempts: 1000 } })
    const sender = client()
    const seen: unknown[] = []
    const gaps: Gap[] = []
    connection.on('gap', (gap) => gaps.push(gap))
    await events.subscribe(`${root}.torn.>`, (message) => seen.push(message.data)).ready
    await events.subscribe(`${root}.torn.echo`, () => undefined).ready
    const { session } = connection.getSnapshot()
    const own: Promise<void>[] = []
    const count = 600
    for (let number = 0; number < count; number++) {
      await sender.events.publish(`${root}.torn.a`, number, { ack: true })
      if (number % 10 === 0) own.push(events.publish(`${root}.torn.own`, `own ${number}`, { ack: true }))
      if (number % 60 === 30) await until(() => network.tear() > 0, 'there is a link to tear')
    }
    const outcomes = await Promise.allSettled(own)
    await until(() => seen.includes(count - 1), 'the last one arrives')
    const resumed = connection.getSnapshot().session === session
    expect(network.opened()).toBeGreaterThanOrEqual(10)
    const numbers = seen.filter((item) => typeof item === 'number')
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
    // A greeting that is torn away ends the session, and that is told; without it nothing is missing.
    expect(resumed).toBe(gaps.length === 0)
    if (resumed) {
      expect(numbers).toHaveLength(count)
      expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([])
      const owns = seen.filter((item) => typeof item === 'string')
      expect(owns).toEqual(Array.from({ length: count / 10 }, (_, at) => `own ${at * 10}`))
    }
  })

  it('brings publications and subscriptions made without a link', async () => {
    const network = breakable()
    network.block(true)
    const { events, connection } = client({ WebSocket: network.WebSocket, reconnect: { minDelayMs: 5, maxDelayMs: 20, maxReconnectAttempts: 1000 } })
    const seen: unknown[] = []
    events.subscribe(`${root}.offline`, (message) => seen.push(message.data))
    const published = events.publish(`${root}.offline`, 'waited', { ack: true })
    await until(() => network.opened() > 3, 'several attempts fail')
    expect(connection.state).toBe('reconnecting')
    network.block(false)
    await published
    await until(() => seen.length === 1, 'the publication comes back')
    expect(seen).toEqual(['waited'])
  })

  it('explains refusals: reserved subjects, frames that are too large', async () => {
    const { events, connection } = client()
    await expect(events.publish('$SYS.a', 1, { ack: true })).rejects.toMatchObject({ code: 'permission_denied', number: 104 })
    const refused = events.subscribe('$SYS.>', () => undefined)
    await expect(refused.ready).rejects.toBeInstanceOf(PointsmanError)
    expect(refused.state).toBe('closed')
    await expect(events.publish(`${root}.large`, 'x'.repeat(65 * 1024 * 1024), { ack: true })).rejects.toMatchObject({ code: 'payload_too_large' })
    expect(connection.state).toBe('connected')
  })

  it('subscribes to more than fits into the first frame', async () => {
    const { events } = client()
    const subscriptions = Array.from({ length: 900 }, (_, at) => events.subscribe(`${root}.many.subjects.with.rather.long.names.number.${at}`, () => undefined))
    await Promise.all(subscriptions.map(({ ready }) => ready))
    expect(subscriptions.every(({ state }) => state === 'active')).toBe(true)
  })

  it('does not get its own publications with echo off', async () => {
    const quiet = client({ echo: false })
    const other = client()
    const seen: unknown[] = []
    await quiet.events.subscribe(`${root}.echo`, (message) => seen.push(message.data)).ready
    await quiet.events.publish(`${root}.echo`, 'own', { ack: true })
    await other.events.publish(`${root}.echo`, 'other', { ack: true })
    await until(() => seen.length > 0, 'the other one arrives')
    expect(seen).toEqual(['other'])
  })
})
