// Sessions and who gets what.
import { randomBytes } from 'node:crypto'

import { matches } from './subjects.mjs'

export class Router {
  sessions = new Map()
  started = Date.now()
  counts = { received: 0, delivered: 0, receivedBytes: 0, deliveredBytes: 0, slowConsumer: 0 }
  #requests = new Map()

  constructor({ keepMs }) {
    this.keepMs = keepMs
  }

  /** Hands a publication ({subject, body, headers, reply}) on; gives how many sessions got it. */
  publish(publication, from) {
    this.counts.received += 1
    const size = JSON.stringify(publication.body).length
    this.counts.receivedBytes += size
    const request = this.#requests.get(publication.subject)
    if (request) {
      this.#requests.delete(publication.subject)
      request(publication)
      return 1
    }
    let reached = 0
    for (const session of this.sessions.values()) {
      if (session === from && !session.echo) continue
      const sids = [...session.subscriptions]
        .filter(([, { pattern }]) => matches(pattern, publication.subject))
        .map(([sid]) => sid)
        .sort((a, b) => a - b)
      if (sids.length === 0) continue
      const { subject, body, headers, reply } = publication
      session.send({
        op: 'message',
        sids,
        messages: [{ subject, ...body, ...(headers && { headers }), ...(reply && { reply }) }],
      })
      session.delivered += 1
      reached += 1
    }
    this.counts.delivered += reached
    this.counts.deliveredBytes += size * reached
    return reached
  }

  /** Publishes with a reply subject of its own and gives the first answer to `answer`. */
  request(publication, from, answer) {
    const reply = `_R.fake.${randomBytes(6).toString('hex')}`
    this.#requests.set(reply, answer)
    const reached = this.publish({ ...publication, reply }, from)
    if (reached === 0) this.#requests.delete(reply)
    return { reached, forget: () => this.#requests.delete(reply) }
  }

  subscriptions() {
    return [...this.sessions.values()].reduce((sum, session) => sum + session.subscriptions.size, 0)
  }

  links() {
    return [...this.sessions.values()].filter((session) => session.link).length
  }

  end() {
    for (const session of this.sessions.values()) session.forget()
  }
}
