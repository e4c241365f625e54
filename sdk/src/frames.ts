import { PointsmanError } from './error'
import type { Gap } from './gap'
import type { Message, RespondOptions } from './events'

/** Body of a frame: one of the three, or none (protocol.md#P5.2). */
export interface Body {
  data?: unknown
  text?: string
  base64?: string
}

/** Header values as they stand in a frame. */
export type WireHeaders = Record<string, string | string[]>

/** One message within a `message` frame. */
export interface WireMessage extends Body {
  subject: string
  headers?: WireHeaders | undefined
  reply?: string | undefined
}

/** A subscription as it stands in `connect` and `subscribe`. */
export interface WireSubscription {
  sid: number
  pattern: string
  queue: string | undefined
  max: number | undefined
}

/** What the server greets with (protocol.md#P3.3). */
export interface ReadyFrame {
  op: 'ready'
  session: string
  secret: string
  generation: number
  resumed: boolean
  received: number
  skipped?: number
  reason?: string
  server: string
  heartbeat_ms: number
  keep_ms: number
  limits: { frame_bytes: number }
  refused?: { sid: number; code: number; reason: string; message: string }[]
}

/** What the server says about a request or subscription that failed (protocol.md#P9.2). */
export interface ErrorFrame {
  op: 'error'
  id?: number
  sid?: number
  code: number
  reason: string
  message: string
  retry_after_ms?: number
}

/** The last frame of a link (protocol.md#P9.3). */
export interface CloseFrame {
  op: 'close'
  code: number
  reason: string
  message: string
  retry_after_ms?: number
}

/** Every frame a server sends. */
export type ServerFrame =
  | ReadyFrame
  | ErrorFrame
  | CloseFrame
  | { op: 'ok'; id: number }
  | { op: 'message'; sids: number[]; messages: WireMessage[] }
  | ({ op: 'reply'; id: number; headers?: WireHeaders } & Body)
  | { op: 'gap'; sids: number[]; lost?: number; reason: Gap['reason'] }
  | { op: 'ping' | 'pong'; received: number }

/** Publishes an answer; what a message needs of whoever delivered it. */
export type Respond = (subject: string, data: unknown, options: RespondOptions) => Promise<void>

/** Sending side of a body. Bytes go as base64, everything else as JSON. */
export function encodeBody(data: unknown): Body {
  if (!(data instanceof Uint8Array)) return { data }
  let text = ''
  for (const byte of data) text += String.fromCharCode(byte)
  return { base64: btoa(text) }
}

/** Receiving side of a body (protocol.md#P5.3). */
export function decodeBody(body: Body): unknown {
  return body.base64 === undefined ? (body.data ?? body.text ?? body.data) : Uint8Array.from(atob(body.base64), (char) => char.charCodeAt(0))
}

/** Serialises a frame; what JSON cannot hold is the caller's mistake. */
export function encodeFrame(frame: object): string {
  try {
    return JSON.stringify(frame)
  } catch (cause) {
    throw new PointsmanError('bad_request', `The data cannot be written as JSON: ${String(cause)}`, {
      cause,
      remediation: 'Send values that JSON holds, or a Uint8Array.',
    })
  }
}

/** A message as handlers get it, from what stands in a frame. */
export class Delivery implements Message {
  readonly subject: string
  readonly data: unknown
  readonly headers: Record<string, string[]>
  readonly reply: string | undefined
  readonly #respond: Respond

  constructor(wire: WireMessage, respond: Respond) {
    this.subject = wire.subject
    this.data = decodeBody(wire)
    this.reply = wire.reply
    this.headers = Object.fromEntries(Object.entries(wire.headers ?? {}).map(([name, value]) => [name, [value].flat()]))
    this.#respond = respond
  }

  async respond(data: unknown, options: RespondOptions = {}): Promise<void> {
    if (this.reply === undefined) {
      throw new PointsmanError('bad_request', `The message on \`${this.subject}\` asks for no answer`, {
        remediation: 'Look at `reply` before.',
      })
    }
    await this.#respond(this.reply, data, options)
  }
}
