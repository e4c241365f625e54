// One link after the other of a session: protocol.md#P3 to P9.
import { randomBytes } from 'node:crypto'

import { isReserved, isSubject } from './subjects.mjs'

const HEARTBEAT_MS = 25_000
const KEPT_MAX = 1024
const LIMITS = {
  frame_bytes: 65_536,
  payload_bytes: 1_048_576,
  subject_bytes: 256,
  subscriptions: 1000,
  requests: 100,
  resend_frames: KEPT_MAX,
  resend_bytes: 262_144,
}

class Session {
  id = randomBytes(8).toString('hex')
  secret = randomBytes(16).toString('hex')
  generation = 1
  subscriptions = new Map()
  link = undefined
  connected = Date.now()
  delivered = 0
  received = 0
  /** Wire messages counted (P7.2), and those not yet confirmed, from number `sent - kept.length + 1` on. */
  counted = 0
  sent = 0
  kept = []
  #expiry

  constructor(router, { name = '', echo = true }, address) {
    this.router = router
    this.name = name
    this.echo = echo
    this.address = address
    router.sessions.set(this.id, this)
  }

  send(frame) {
    const text = JSON.stringify(frame)
    this.sent += 1
    this.kept.push(text)
    if (this.kept.length > KEPT_MAX) this.kept.shift()
    this.link?.send(text)
  }

  confirmed(received) {
    if (!Number.isInteger(received) || received > this.sent) return
    this.kept = this.kept.slice(Math.max(0, this.kept.length - (this.sent - received)))
  }

  attach(link) {
    clearTimeout(this.#expiry)
    this.link = link
  }

  /** The link ended: kept for a while, unless the client said good-bye (P8.1). */
  detach(code) {
    this.link = undefined
    if (code === 1000 || code === 1001) return this.forget()
    this.#expiry = setTimeout(() => this.forget(), this.router.keepMs)
  }

  close(code, reason, message) {
    const link = this.link
    this.forget()
    if (!link) return
    link.send(JSON.stringify({ op: 'close', code, reason, message }))
    link.close(code, reason)
  }

  forget() {
    clearTimeout(this.#expiry)
    this.link = undefined
    this.router.sessions.delete(this.id)
  }
}

/** Attends a WebSocket until it ends. */
export function attendLink(link, router, request, token) {
  let session
  const address = `${request.socket.remoteAddress}:${request.socket.remotePort}`
  const handshake = setTimeout(() => link.close(3501, 'no connect'), 10_000)
  link.on('error', () => {})
  link.on('message', (data, isBinary) => {
    let frames
    try {
      if (isBinary) throw new Error('binary')
      frames = [JSON.parse(String(data))].flat()
    } catch {
      link.close(3501, 'unreadable')
      return
    }
    if (!session) {
      clearTimeout(handshake)
      const connect = frames.shift()
      if (connect?.op !== 'connect' || connect.version !== 1) return link.close(3501, 'connect first')
      if (token !== undefined && connect.token !== token) {
        const message = connect.token === undefined ? 'this server wants a token' : 'the token is not known'
        link.send(JSON.stringify({ op: 'close', code: 3500, reason: 'unauthenticated', message }))
        return link.close(3500, 'unauthenticated')
      }
      session = open(connect, link, router, address)
    } else {
      session.counted += 1
    }
    for (const frame of frames) handle(frame, session)
  })
  link.on('close', (code) => {
    clearTimeout(handshake)
    if (session?.link === link) session.detach(code)
  })
}

function open(connect, link, router, address) {
  const attach = connect.attach
  const old = attach && router.sessions.get(attach.session)
  const reason =
    !attach || (old && old.secret === attach.secret && attach.generation === old.generation + 1)
      ? undefined
      : old
        ? 'stale_generation'
        : 'session_gone'
  const resumed = Boolean(attach) && reason === undefined
  const session = resumed ? old : new Session(router, connect, address)
  if (resumed) {
    session.generation += 1
    session.link?.close(3505, 'superseded')
    session.confirmed(attach.received)
  }
  const refused = []
  if (!resumed) for (const each of connect.subscribe ?? []) subscribe(each, session, refused)
  session.attach(link)
  link.send(
    JSON.stringify({
      op: 'ready',
      version: 1,
      session: session.id,
      secret: session.secret,
      generation: session.generation,
      resumed,
      received: session.counted,
      skipped: 0,
      ...(reason && { reason }),
      node: 'fake',
      server: 'pointsman-fake/0.1.0',
      heartbeat_ms: HEARTBEAT_MS,
      keep_ms: router.keepMs,
      limits: LIMITS,
      features: [],
      refused,
    }),
  )
  for (const text of resumed ? session.kept : []) link.send(text)
  return session
}

function subscribe({ sid, pattern }, session, refused) {
  if (isSubject(pattern, true)) {
    session.subscriptions.set(sid, { pattern })
    return undefined
  }
  const refusal = { code: 103, reason: 'bad_pattern', message: `\`${pattern}\` is no pattern` }
  refused?.push({ sid, ...refusal })
  return refusal
}

function handle(frame, session) {
  const { router } = session
  const answer = (fault) => {
    if (fault) session.send({ op: 'error', ...(frame.id !== undefined ? { id: frame.id } : { sid: frame.sid }), ...fault })
    else if (frame.id !== undefined) session.send({ op: 'ok', id: frame.id })
  }
  switch (frame.op) {
    case 'subscribe':
      return answer(subscribe(frame, session))
    case 'unsubscribe':
      return answer(
        session.subscriptions.delete(frame.sid) ? undefined : { code: 108, reason: 'unknown_sid', message: 'there is no such subscription' },
      )
    case 'publish': {
      const fault = publicationFault(frame)
      session.received += 1
      if (!fault) router.publish(publicationOf(frame), session)
      return answer(fault)
    }
    case 'request': {
      const fault = publicationFault(frame)
      if (fault) return answer(fault)
      const timer = setTimeout(() => {
        forget()
        answer({ code: 201, reason: 'timeout', message: 'nobody answered in time' })
      }, frame.timeout_ms ?? 5000)
      const { reached, forget } = router.request(publicationOf(frame), session, ({ body, headers = {} }) => {
        clearTimeout(timer)
        session.send({ op: 'reply', id: frame.id, ...body, headers })
      })
      if (reached > 0) return undefined
      clearTimeout(timer)
      return answer({ code: 200, reason: 'no_responders', message: 'nobody is subscribed to the subject' })
    }
    case 'ping':
      session.confirmed(frame.received)
      return session.send({ op: 'pong', received: session.counted })
    case 'pong':
      return session.confirmed(frame.received)
    default:
      return answer({ code: 101, reason: 'unknown_op', message: `there is no op \`${frame.op}\`` })
  }
}

function publicationFault({ subject }) {
  if (!isSubject(subject)) return { code: 102, reason: 'bad_subject', message: `\`${subject}\` is no subject` }
  if (isReserved(subject) && !subject.startsWith('_R.')) {
    return { code: 104, reason: 'permission_denied', message: `\`${subject}\` is reserved` }
  }
  return undefined
}

export function publicationOf({ subject, data, text, base64, headers, reply }) {
  const body = data !== undefined ? { data } : text !== undefined ? { text } : base64 !== undefined ? { base64 } : {}
  return { subject, body, headers, reply }
}
