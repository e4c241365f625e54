import { aborted, type PointsmanError } from './error'
import type { Message } from './events'
import type { WireSubscription } from './frames'
import type { Gap } from './gap'
import type { SubscribeOptions } from './options'
import { check } from './subject'
import { Member, type Handler, type Membership, type Subscription } from './subscription'
import type { Timers } from './timers'

/** One subscription at the router, shared by all members of the same pattern and options. */
export class Wire implements Membership {
  readonly sid: number
  readonly key: string
  readonly pattern: string
  readonly queue: string | undefined
  /** Deliveries that are left, where there is a maximum. */
  left: number | undefined
  /** Replaced on change, so that a handler that subscribes does not see the message it is handling twice. */
  members: readonly Member[] = []
  active = false
  /** How often in a row the router refused it for now. */
  refusals = 0
  /** The timer of its linger, or of the next try after a refusal for now. */
  timer: unknown
  #registry: Registry
  #turn = 0

  constructor(registry: Registry, sid: number, key: string, pattern: string, options: SubscribeOptions) {
    this.#registry = registry
    this.sid = sid
    this.key = key
    this.pattern = pattern
    this.queue = options.queue
    this.left = options.max
  }

  /** As it stands on the wire. */
  spec(): WireSubscription {
    const { sid, pattern, queue, left } = this
    return { sid, pattern, queue, max: left }
  }

  leave(member: Member, error?: PointsmanError): void {
    if (!this.members.includes(member)) return
    this.members = this.members.filter((other) => other !== member)
    member.end(error)
    if (this.members.length === 0) this.#registry.abandoned(this)
  }

  /** Members of a queue group share the messages, as members in different programs do. */
  deliver(message: Message): void {
    const { members } = this
    if (this.queue === undefined) for (const member of members) member.deliver(message)
    else members[this.#turn++ % members.length]?.deliver(message)
    if (this.left !== undefined && --this.left <= 0) this.#registry.remove(this)
  }
}

/** All subscriptions of a client: which handlers there are, and what the router has to know of them. */
export class Registry {
  /** By sid: a message goes to exactly the subscriptions it names (protocol.md#P5.6). */
  readonly wires: Map<number, Wire> = new Map()
  #byKey = new Map<string, Wire>()
  #sid = 0
  #timers: Timers
  #lingerMs: number
  #changed: (wire: Wire) => void
  #gapTold: (gap: Gap) => void

  constructor(timers: Timers, lingerMs: number, changed: (wire: Wire) => void, gapTold: (gap: Gap) => void) {
    this.#timers = timers
    this.#lingerMs = lingerMs
    this.#changed = changed
    this.#gapTold = gapTold
  }

  /** How many handlers and iterators there are. */
  get members(): number {
    let count = 0
    for (const wire of this.wires.values()) count += wire.members.length
    return count
  }

  subscribe(pattern: string, handler: Handler | undefined, options: SubscribeOptions = {}): Subscription {
    check(pattern, 'pattern')
    const { queue, max, signal } = options
    // One with a maximum counts its own deliveries and is shared with nobody.
    const sid = this.#sid + 1
    const key = max === undefined ? `${pattern} ${queue ?? ''}` : `${sid}`
    let wire = this.#byKey.get(key)
    if (!wire || signal?.aborted) wire = new Wire(this, sid, key, pattern, options)
    const member = new Member(wire, handler, options, this.#gapTold)
    if (signal?.aborted) {
      member.end(aborted('subscription', pattern))
      return member
    }
    wire.members = [...wire.members, member]
    if (wire.sid === sid) {
      this.#sid = sid
      this.wires.set(sid, wire)
      this.#byKey.set(key, wire)
    } else if (wire.members.length === 1) {
      this.#timers.clearTimeout(wire.timer)
    }
    if (wire.active) member.confirm()
    this.#changed(wire)
    return member
  }

  unsubscribe(target: Subscription | string, handler?: Handler): void {
    if (typeof target !== 'string') return target.unsubscribe()
    for (const wire of this.wires.values()) {
      if (wire.pattern !== target) continue
      for (const member of wire.members) if (!handler || member.handler === handler) wire.leave(member)
    }
  }

  /** The last member has left. A member of a queue group goes at once: what it got while lingering would be lost to the group. */
  abandoned(wire: Wire): void {
    if (this.#lingerMs <= 0 || wire.queue !== undefined || wire.left !== undefined || !this.wires.has(wire.sid)) return this.remove(wire)
    this.#timers.clearTimeout(wire.timer)
    wire.timer = this.#timers.setTimeout(() => this.remove(wire), this.#lingerMs)
  }

  confirm(wire: Wire): void {
    wire.active = true
    wire.refusals = 0
    for (const member of wire.members) member.confirm()
  }

  /** Ends a wire subscription and its members. */
  remove(wire: Wire, error?: PointsmanError): void {
    this.#timers.clearTimeout(wire.timer)
    if (!this.wires.delete(wire.sid)) return
    this.#byKey.delete(wire.key)
    const { members } = wire
    wire.members = []
    for (const member of members) member.end(error)
    this.#changed(wire)
  }

  removeAll(): void {
    for (const wire of this.wires.values()) this.remove(wire)
  }

  /** The connection ended for good: what waits for a confirmation is told. */
  postpone(error: PointsmanError): void {
    for (const wire of this.wires.values()) {
      wire.active = false
      for (const member of wire.members) member.postpone(error)
    }
  }

  /** Tells the members of some wire subscriptions, then everybody. */
  gap(wires: Iterable<Wire | undefined>, gap: Omit<Gap, 'patterns'>): void {
    const concerned = [...wires].filter((wire) => wire !== undefined)
    if (concerned.length === 0) return
    const told: Gap = { patterns: [...new Set(concerned.map((wire) => wire.pattern))], ...gap }
    for (const wire of concerned) for (const member of wire.members) member.tellGap(told)
    this.#gapTold(told)
  }
}
