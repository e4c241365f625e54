import { afterEach } from 'vitest'
import type { PointsmanError } from '../src/index'
import { createTestClient, type Direction, type TestClient, type TestClientOptions } from '../src/testing'

/** The events of the tests: anything on any subject. */
export type Any = Record<string, unknown>

const opened: { close(): void }[] = []

afterEach(() => {
  for (const each of opened.splice(0)) each.close()
})

/** A test client that is closed after the test. */
export function make<E = Any>(options: TestClientOptions = {}): TestClient<E> {
  const bus = createTestClient<E>(options)
  opened.push(bus)
  return bus
}

/** A test client with a link. */
export async function connected<E = Any>(options: TestClientOptions = {}): Promise<TestClient<E>> {
  const bus = make<E>(options)
  await Promise.all([bus.connection.connect(), bus.idle()])
  return bus
}

export interface Outcome {
  value?: unknown
  error?: PointsmanError
}

/** What a promise came to, without an unhandled rejection on the way. */
export function outcome(promise: Promise<unknown>): Outcome {
  const result: Outcome = {}
  promise.then(
    (value) => (result.value = value ?? 'done'),
    (error: PointsmanError) => (result.error = error),
  )
  return result
}

export interface Frame {
  op: string
  [field: string]: unknown
}

/** Records the frames of one direction from now on. */
export function record<E>(bus: TestClient<E>, direction: Direction = 'to-router'): Frame[] {
  const frames: Frame[] = []
  bus.router.network.drop((text, way) => {
    if (way === direction) frames.push(...[JSON.parse(text) as Frame | Frame[]].flat())
    return false
  })
  return frames
}
