import type { Gap, Message } from 'pointsman'

import { gapWords } from '../lib/gapWords.ts'
import { RateCap } from '../lib/rateCap.ts'
import { Ring } from '../lib/ring.ts'

export const ROWS_MAX = 500
/** Text of one message that is kept: 500 rows stay below 8 MiB. */
const TEXT_MAX = 16_384
const PREVIEW_MAX = 240

export interface MessageRow {
  kind: 'message'
  id: number
  at: number
  subject: string
  /** The payload as text, for reading. */
  text: string
  /** Characters beyond what is kept. */
  cut: number
  preview: string
  headers: Record<string, string[]>
  reply?: string
}

export interface GapRow {
  kind: 'gap'
  id: number
  at: number
  words: string
}

export type TailRow = MessageRow | GapRow

export interface TailView {
  /** Newest first. */
  rows: readonly TailRow[]
  /** Messages since the start of the tail. */
  seen: number
  /** Of those, kept out of the list by the rate cap. */
  capped: number
  /** Of those, passed while paused. */
  passed: number
}

export const EMPTY_TAIL: TailView = { rows: [], seen: 0, capped: 0, passed: 0 }

/** Without breaks and without signs that have no form. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/\p{Cc}/gu, '·')
}

function textOf(data: unknown): { text: string; preview: string } {
  if (data === undefined) return { text: '', preview: '' }
  if (data instanceof Uint8Array) {
    const text = Array.from(data.subarray(0, TEXT_MAX / 3), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    return { text, preview: `${data.length} bytes: ${text.slice(0, 60)}` }
  }
  if (typeof data === 'string') return { text: data, preview: oneLine(data.slice(0, PREVIEW_MAX)) }
  return { text: JSON.stringify(data, null, 2), preview: JSON.stringify(data).slice(0, PREVIEW_MAX) }
}

/** The last messages of a tail, bounded in number and size. What is left out is counted. */
export class TailLog {
  readonly #rows = new Ring<TailRow>(ROWS_MAX)
  readonly cap: RateCap
  paused = false
  #next = 1
  #seen = 0
  #capped = 0
  #passed = 0

  constructor(
    perSecond: number,
    readonly clock: () => number = Date.now,
  ) {
    this.cap = new RateCap(perSecond)
  }

  add({ subject, data, headers, reply }: Pick<Message, 'subject' | 'data' | 'headers' | 'reply'>): void {
    this.#seen += 1
    if (this.paused) {
      this.#passed += 1
      return
    }
    const at = this.clock()
    if (!this.cap.allows(at)) {
      this.#capped += 1
      return
    }
    const { text, preview } = textOf(data)
    this.#rows.push({
      kind: 'message',
      id: this.#take(),
      at,
      subject,
      text: text.slice(0, TEXT_MAX),
      cut: Math.max(0, text.length - TEXT_MAX),
      preview,
      headers,
      ...(reply !== undefined && { reply }),
    })
  }

  /** A gap is shown even while paused: it says what the list can no longer show. */
  gap(gap: Gap): void {
    this.#rows.push({ kind: 'gap', id: this.#take(), at: this.clock(), words: gapWords(gap) })
  }

  clear(): void {
    this.#rows.clear()
    this.#seen = this.#capped = this.#passed = 0
  }

  #take(): number {
    const id = this.#next
    this.#next += 1
    return id
  }

  view(): TailView {
    return { rows: this.#rows.toArray().reverse(), seen: this.#seen, capped: this.#capped, passed: this.#passed }
  }
}
