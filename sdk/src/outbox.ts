import { PointsmanError } from './error'

/** Sent at once when so much has gathered, instead of at the end of the turn. In characters. */
const BATCH_LENGTH = 64 * 1024
/** The router is asked for its count after so many wire messages or characters that it has not confirmed. */
const ASK_MESSAGES = 64
const ASK_LENGTH = 64 * 1024
/** Beyond so much unconfirmed, publications wait. */
const WINDOW_MESSAGES = 1024
const WINDOW_LENGTH = 4 * 1024 * 1024

/** A frame on its way out. */
export interface Outgoing {
  text: string
  /** Nothing answers it, so that nobody hears of its loss unless it is counted. */
  silent?: boolean
  /** It has been handed to the link. */
  sent?(): void
  /** It will not be sent. */
  fail(error: PointsmanError): void
}

/** One counted wire message that the router has not confirmed. */
interface Unconfirmed {
  text: string
  silent: number
}

/** What bounds the frames that wait. */
export interface OutboxLimits {
  max: number
  maxLength: number
  overflow: 'drop-oldest' | 'reject'
}

/**
 * Everything on its way to the router: the frames of this turn, which go out as one wire message; what was sent and is not
 * confirmed, which is sent again if the session is taken up (protocol.md#P8.2); and, bounded, what waits for either.
 *
 * Order: frames of one kind leave in the order given. Limits: 1,024 wire messages or 4 Mi characters unconfirmed, then publications wait.
 */
export class Outbox {
  /** In bytes; a frame above it would end the link. */
  frameMax: number = Number.POSITIVE_INFINITY
  #limits: OutboxLimits
  #send: ((text: string) => void) | undefined
  #ask: () => void
  #batch: Partial<Outgoing>[] = []
  #batchLength = 0
  #waiting: Outgoing[] = []
  #waitingLength = 0
  #log: Unconfirmed[] = []
  #logLength = 0
  /** Number of the last wire message that the router has confirmed. */
  #confirmed = 0
  #asked = false

  constructor(limits: OutboxLimits, ask: () => void) {
    this.#limits = limits
    this.#ask = ask
  }

  /** Takes a publication or request. */
  push(item: Outgoing): void {
    if (this.#room() && this.#waiting.length === 0) return this.#gather(item)
    const { max, maxLength, overflow } = this.#limits
    const over = (): boolean => this.#waiting.length >= max || this.#waitingLength + item.text.length > maxLength
    while (overflow === 'drop-oldest' && this.#waiting.length > 0 && over()) this.#drop(this.#waiting[0])?.fail(overflown())
    if (over()) return item.fail(overflown())
    this.#waiting.push(item)
    this.#waitingLength += item.text.length
  }

  /** Takes a frame of the session itself. These do not wait: what they say is found anew when a link comes. */
  control(frame: object): void {
    if (this.#send) this.#gather({ text: JSON.stringify(frame) })
  }

  /** Takes back what has not been sent yet. */
  cancel(item: Outgoing): void {
    this.#drop(item)
  }

  /** A link is there. `received` is the router's count if the session was taken up, absent for a new one. */
  open(send: (text: string) => void, received?: number): void {
    this.#asked = false
    if (received === undefined) this.forget()
    else this.#confirm(received)
    for (const { text } of this.#log) send(text)
    this.#send = send
    this.#drain()
    this.#askIfDue()
  }

  /** The link is going away. What is left of this turn counts as sent: if it was not, it is sent again or its outcome unknown. */
  close(): void {
    this.#flush()
    this.#send = undefined
  }

  /** The router has received so many wire messages of this session. */
  confirm(received: number): void {
    this.#asked = false
    this.#confirm(received)
    this.#drain()
    this.#askIfDue()
  }

  /** The session is gone. Returns how many publications without an answer nobody will ever know the fate of. */
  forget(): number {
    const lost = this.#log.reduce((sum, entry) => sum + entry.silent, 0)
    this.#log = []
    this.#logLength = this.#confirmed = 0
    return lost
  }

  /** Nothing will be sent any more. */
  failAll(error: PointsmanError): void {
    for (const item of [...this.#waiting]) this.#drop(item)?.fail(error)
  }

  #room(): boolean {
    return this.#send !== undefined && this.#log.length < WINDOW_MESSAGES && this.#logLength + this.#batchLength < WINDOW_LENGTH
  }

  #drop(item: Outgoing | undefined): Outgoing | undefined {
    const at = item ? this.#waiting.indexOf(item) : -1
    if (!item || at < 0) return undefined
    this.#waiting.splice(at, 1)
    this.#waitingLength -= item.text.length
    return item
  }

  #drain(): void {
    while (this.#room() && this.#waiting.length > 0) {
      const item = this.#drop(this.#waiting[0])
      if (item) this.#gather(item)
    }
  }

  #gather(item: Partial<Outgoing> & { text: string }): void {
    const { text } = item
    const limit = this.frameMax
    if (item.fail && text.length * 3 > limit) {
      const bytes = new TextEncoder().encode(text).length
      if (bytes > limit) {
        return item.fail(new PointsmanError('payload_too_large', `A frame of ${bytes} bytes is above the router's limit of ${limit}`))
      }
    }
    // Two frames in one wire message may exceed what one of them may not.
    if ((this.#batchLength + text.length) * 3 > limit) this.#flush()
    if (this.#batch.length === 0) queueMicrotask(() => this.#flush())
    this.#batch.push(item)
    this.#batchLength += text.length
    if (this.#batchLength >= BATCH_LENGTH) this.#flush()
  }

  #flush(): void {
    const batch = this.#batch
    if (batch.length === 0) return
    const frames = batch.map((item) => item.text).join(',')
    const text = batch.length === 1 ? frames : `[${frames}]`
    this.#batch = []
    this.#batchLength = 0
    this.#log.push({ text, silent: batch.filter((item) => item.silent).length })
    this.#logLength += text.length
    this.#send?.(text)
    for (const item of batch) item.sent?.()
    this.#askIfDue()
  }

  #askIfDue(): void {
    if (!this.#send || this.#asked || (this.#log.length < ASK_MESSAGES && this.#logLength < ASK_LENGTH)) return
    this.#asked = true
    this.#ask()
  }

  #confirm(received: number): void {
    for (; this.#confirmed < received && this.#log.length > 0; this.#confirmed++) this.#logLength -= this.#log.shift()?.text.length ?? 0
  }
}

function overflown(): PointsmanError {
  return new PointsmanError('connection_lost', 'Too many publications wait for the router', {
    retryable: true,
    remediation: 'Await each publish, or raise `offline.max`.',
  })
}
