import 'server-only'

import type { Events } from 'pointsman'
import './events'

/*
 * The router's HTTP API, asked by this program's server. The address and the token are read when they are needed, so that one build runs
 * anywhere, and neither is ever part of what a browser loads.
 */

/** A page must not wait for a router that does not answer. */
const TIMEOUT_MS = 1500

/** What `GET /v1/status` tells, as far as it is shown. */
export interface RouterStatus {
  node: string
  version: string
  uptime_seconds: number
  ready: boolean
  connections: number
  subscriptions: number
  messages_received_total: number
  messages_delivered_total: number
  messages_dropped_total: Record<string, number>
  backplane: { kind: string; state: string }
  memory_bytes: number
}

/** Why the router did not do what it was asked. */
export interface RouterProblem {
  /** Status for whoever asked this program. */
  status: 502 | 503 | 504
  message: string
  /** What to do. */
  next: string
}

/** What was asked for, or why not. */
export type Answer<T> = { value: T; problem?: undefined } | { value?: undefined; problem: RouterProblem }

/** How the router is. */
export async function routerStatus(): Promise<Answer<RouterStatus>> {
  const answer = await ask('/v1/status')
  if (answer.problem) return answer
  return isStatus(answer.value) ? { value: answer.value } : { problem: STRANGE }
}

/** Publishes; the event map says what a subject carries. */
export async function publish<S extends keyof Events & string>(subject: S, data: Events[S]): Promise<Answer<unknown>> {
  return ask('/v1/publish', { subject, data })
}

const STRANGE: RouterProblem = {
  status: 502,
  message: 'What answers at POINTSMAN_HTTP_URL is not a Pointsman router',
  next: 'Set POINTSMAN_HTTP_URL to the address of the router, for example http://127.0.0.1:7422.',
}

async function ask(path: string, body?: object): Promise<Answer<unknown>> {
  const headers = new Headers({ accept: 'application/json' })
  const token = process.env.POINTSMAN_API_TOKEN
  if (token) headers.set('authorization', `Bearer ${token}`)
  if (body) headers.set('content-type', 'application/json')
  try {
    const url = new URL(path, process.env.POINTSMAN_HTTP_URL || 'http://127.0.0.1:7422')
    const response = await fetch(url, {
      method: body ? 'POST' : 'GET',
      headers,
      body: body ? JSON.stringify(body) : null,
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const value: unknown = await response.json().catch(() => undefined)
    return response.ok && value !== undefined ? { value } : { problem: refused(response.status, value) }
  } catch (error) {
    return { problem: unreachable(error) }
  }
}

/** The router tells why and what to do (application/problem+json). */
function refused(status: number, value: unknown): RouterProblem {
  const { detail, next_step: next } = (value ?? {}) as { detail?: unknown; next_step?: unknown }
  if (typeof detail !== 'string') return STRANGE
  return {
    status: status === 429 || status === 503 ? 503 : 502,
    message: `The router refused: ${detail}`,
    next: typeof next === 'string' ? next : 'Look into the log of the router.',
  }
}

function unreachable(error: unknown): RouterProblem {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return { status: 504, message: `The router did not answer within ${TIMEOUT_MS} ms`, next: 'Look at how the router is: pointsman status.' }
  }
  // What `fetch` throws names the address, which browsers have no business with.
  console.error('The router cannot be reached:', error)
  return { status: 502, message: 'The router cannot be reached', next: 'Start it with: pointsman dev' }
}

function isStatus(value: unknown): value is RouterStatus {
  const status = value as Partial<RouterStatus> | null
  return typeof status?.node === 'string' && typeof status.uptime_seconds === 'number' && typeof status.backplane?.kind === 'string'
}
