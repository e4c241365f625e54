import { aborted, PointsmanError } from './error'
import type { Message } from './events'
import type { RequestOptions } from './options'
import { deferred, type Deferred } from './report'
import type { Timers } from './timers'

const TIMEOUT_MS = 5000
const TIMEOUT_MAX_MS = 60_000

/** How long a request may take, in milliseconds. Throws `bad_request` for what is not possible. */
export function timeoutOf(options: RequestOptions, otherwise: number | undefined): number {
  const timeoutMs = options.timeoutMs ?? otherwise ?? TIMEOUT_MS
  if (timeoutMs >= 1 && timeoutMs <= TIMEOUT_MAX_MS) return timeoutMs
  throw new PointsmanError('bad_request', `A timeout of ${timeoutMs} ms is not possible`, { remediation: 'Use 1 to 60,000 ms.' })
}

/** Waits for an answer, an abort or the end of the time, whichever comes first. `begin` sends the request and returns what gives it up. */
export async function ask(
  subject: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  timers: Timers,
  begin: (answer: Deferred<Message>) => (error: PointsmanError) => void,
): Promise<Message> {
  if (signal?.aborted) throw aborted('request', subject)
  const answer = deferred<Message>()
  const giveUp = begin(answer)
  const abort = (): void => giveUp(aborted('request', subject))
  const timer = timers.setTimeout(
    () => giveUp(new PointsmanError('timeout_local', `Nobody answered on \`${subject}\` within ${timeoutMs} ms`, { retryable: true })),
    timeoutMs,
  )
  signal?.addEventListener('abort', abort)
  try {
    return await answer.promise
  } finally {
    timers.clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}
