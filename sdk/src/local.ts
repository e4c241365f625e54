import type { Carrier } from './carrier'
import { PointsmanError } from './error'
import type { Message } from './events'
import { Delivery, type WireHeaders } from './frames'
import type { PublishOptions, RequestOptions } from './options'
import { Registry, type Wire } from './registry'
import { ask, timeoutOf } from './request'
import { check, matches } from './subject'
import { systemTimers } from './timers'

/** A bus within the program: no link, nothing is lost, deliveries come in the order published, after the publishing turn. */
export class LocalCarrier implements Carrier {
  readonly registry: Registry = new Registry(
    systemTimers,
    0,
    (wire) => this.registry.confirm(wire),
    () => {},
  )
  #turn = 0
  #reply = 0
  #replies = new Map<string, (message: Message) => void>()

  async publish(subject: string, data: unknown, options: PublishOptions): Promise<void> {
    check(subject, 'subject')
    if (subject.startsWith('$')) throw new PointsmanError('permission_denied', `\`${subject}\` is reserved`)
    const { headers, reply } = options
    await Promise.resolve()
    const message = new Delivery(
      { subject, data, headers: headers as WireHeaders | undefined, reply },
      (to, answer, more) => this.publish(to, answer, more),
    )
    this.#replies.get(subject)?.(message)
    for (const wire of this.#receivers(subject)) wire.deliver(message)
  }

  async request(subject: string, data: unknown, options: RequestOptions): Promise<Message> {
    check(subject, 'subject')
    const timeoutMs = timeoutOf(options, undefined)
    if (this.#receivers(subject).length === 0) throw new PointsmanError('no_responders', `Nobody is subscribed to \`${subject}\``, { number: 200 })
    const reply = `_INBOX.local.${++this.#reply}`
    try {
      return await ask(subject, timeoutMs, options.signal, systemTimers, (answer) => {
        this.#replies.set(reply, answer.resolve)
        this.publish(subject, data, { headers: options.headers, reply }).catch(answer.reject)
        return answer.reject
      })
    } finally {
      this.#replies.delete(reply)
    }
  }

  /** All that match, and one of each queue group. */
  #receivers(subject: string): Wire[] {
    const receivers: Wire[] = []
    const groups = new Map<string, Wire[]>()
    for (const wire of this.registry.wires.values()) {
      if (wire.members.length === 0 || !matches(wire.pattern, subject)) continue
      if (wire.queue === undefined) receivers.push(wire)
      else groups.set(wire.queue, [...(groups.get(wire.queue) ?? []), wire])
    }
    for (const group of groups.values()) receivers.push(...group.slice(this.#turn++ % group.length).slice(0, 1))
    return receivers
  }
}
