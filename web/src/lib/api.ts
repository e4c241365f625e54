import { serverUrl } from './place.ts'
import { Store } from './store.ts'

/** An error of the HTTP API, as the server tells it (problem+json) or as the browser found it. */
export interface Problem {
  /** 0: no answer came. */
  status: number
  title: string
  detail: string
  nextStep: string
  reason?: string
  pointer?: string
}

export class ApiProblem extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail)
    this.name = 'ApiProblem'
  }
}

const KEY = 'pointsman.api-token'
const TIMEOUT_MS = 5000

function remembered(): string {
  try {
    return sessionStorage.getItem(KEY) ?? ''
  } catch {
    return ''
  }
}

/** The token of the API; kept until the tab is closed. */
export const apiToken = new Store(typeof sessionStorage === 'undefined' ? '' : remembered())

/** Whether the API answered that it needs another token. Nothing is asked by itself until there is one. */
export const tokenNeeded = new Store<Problem | undefined>(undefined)

export function setApiToken(token: string): void {
  try {
    if (token === '') sessionStorage.removeItem(KEY)
    else sessionStorage.setItem(KEY, token)
  } catch {
    // Without storage the token holds until the page is left.
  }
  apiToken.set(token)
  tokenNeeded.set(undefined)
}

function field(of: unknown, name: string): string | undefined {
  const value = typeof of === 'object' && of !== null ? (of as Record<string, unknown>)[name] : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Reads the body of an answer that is an error; one of a proxy in between may be anything. */
export function readProblem(status: number, body: unknown): Problem {
  const reason = field(body, 'reason')
  const pointer = field(body, 'pointer')
  return {
    status,
    title: field(body, 'title') ?? `HTTP ${status}`,
    detail: field(body, 'detail') ?? `the server answered with status ${status} and no explanation`,
    nextStep: field(body, 'next_step') ?? 'Look at the log of the server, or of the proxy before it.',
    ...(reason && { reason }),
    ...(pointer && { pointer }),
  }
}

const UNREACHED: Problem = {
  status: 0,
  title: 'no answer',
  detail: `the server did not answer within ${TIMEOUT_MS / 1000} s, or cannot be reached`,
  nextStep: 'Check that it runs; this page goes on trying by itself.',
}

export interface CallOptions {
  method?: 'GET' | 'POST' | 'DELETE'
  body?: unknown
  signal?: AbortSignal
}

/** Calls the API. Throws `ApiProblem`, or the abort of `signal`. */
export async function call<T>(path: string, { method = 'GET', body, signal }: CallOptions = {}): Promise<T> {
  const token = apiToken.get()
  const limit = AbortSignal.timeout(TIMEOUT_MS)
  const init: RequestInit = {
    method,
    headers: {
      ...(token !== '' && { Authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    cache: 'no-store',
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }
  let response: Response
  let answer: unknown
  try {
    response = await fetch(serverUrl(path), init)
    answer = response.headers.get('content-type')?.includes('json') ? await response.json() : undefined
  } catch {
    signal?.throwIfAborted()
    throw new ApiProblem(UNREACHED)
  }
  if (response.ok) return answer as T
  const problem = readProblem(response.status, answer)
  // An answer to an older token says nothing about the one given since.
  if (response.status === 401 && token === apiToken.get()) tokenNeeded.set(problem)
  throw new ApiProblem(problem)
}

/** Any thrown value as a problem that can be shown. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof ApiProblem) return thrown.problem
  const detail = thrown instanceof Error ? thrown.message : String(thrown)
  return { status: 0, title: 'unexpected answer', detail, nextStep: 'Load the page again; it may be older than the server.' }
}
