import type { WebSocketConstructor, WebSocketLike } from '../index'
import type { FakeTimers } from './fake-timers'

/** Which way a wire message goes. */
export type Direction = 'to-router' | 'to-client'

/** What the router's end of a link does. */
export interface LinkEnd {
  message(text: string): void
  /** The link is gone; `code` is there if the client closed it. */
  closed(code?: number): void
}

/** One link between a client and the router. */
export class Link {
  readonly socket: TestSocket
  end: LinkEnd | undefined
  alive = true
  #network: Network
  #busyUntil: Record<Direction, number> = { 'to-router': 0, 'to-client': 0 }

  constructor(network: Network, socket: TestSocket) {
    this.#network = network
    this.socket = socket
  }

  /** Sends to the client. */
  send(text: string): void {
    this.transmit('to-client', text, () => this.socket.receive(text))
  }

  /** Closes from the router's end, behind what was sent. */
  close(code: number, reason = ''): void {
    this.later('to-client', () => {
      this.alive = false
      this.#network.links.delete(this)
      this.socket.lost(code, reason)
    })
  }

  /** The router hears of it behind what was sent, unless nothing gets through. */
  closedByClient(code: number): void {
    if (this.#network.partitioned) return
    this.later('to-router', () => {
      this.alive = false
      this.#network.links.delete(this)
      this.end?.closed(code)
    })
  }

  transmit(direction: Direction, text: string, arrive: () => void): void {
    const fate = this.#network.fate(text, direction)
    if (fate === 'cut') this.cut()
    else if (fate === 'pass') this.later(direction, arrive)
  }

  /** Both ends lose it, and so is what was on its way. */
  cut(): void {
    if (!this.alive) return
    this.alive = false
    this.#network.links.delete(this)
    this.end?.closed()
    this.#network.timers.setTimeout(() => this.socket.lost(1006, ''), 0)
  }

  /** Order is kept within a direction, however the delay changes. */
  later(direction: Direction, arrive: () => void): void {
    const now = this.#network.timers.now()
    const at = Math.max(this.#busyUntil[direction], now + this.#network.latencyMs)
    this.#busyUntil[direction] = at
    this.#network.inFlight += 1
    this.#network.timers.setTimeout(() => {
      this.#network.inFlight -= 1
      if (this.alive) arrive()
    }, at - now)
  }
}

/** What lies between clients and the router, and how it fails. */
export class Network {
  readonly timers: FakeTimers
  readonly links: Set<Link> = new Set()
  /** Wire messages on their way. */
  inFlight = 0
  /** Each way, in milliseconds. May change while messages are on their way; order is kept. */
  latencyMs = 0
  /** Wire messages that have crossed or were lost, both ways. */
  crossed = 0
  /** Links that clients have asked for. */
  dials = 0
  #accept: (link: Link) => LinkEnd
  #cutAt: number | undefined
  #partitioned = false
  #refusals = 0
  #drop: ((text: string, direction: Direction) => boolean) | undefined

  constructor(timers: FakeTimers, accept: (link: Link) => LinkEnd) {
    this.timers = timers
    this.#accept = accept
  }

  /** Cuts every link now. */
  cut(): void {
    for (const link of this.links) link.cut()
  }

  /** Lets `messages` more wire messages cross, both ways counted together, and cuts the link instead of the next one. */
  cutAfter(messages: number): void {
    this.#cutAt = this.crossed + messages
  }

  /** Nothing crosses and no link comes about, and nobody is told, until `heal`. */
  partition(): void {
    this.#partitioned = true
  }

  get partitioned(): boolean {
    return this.#partitioned
  }

  heal(): void {
    this.#partitioned = false
  }

  /** The next so many links fail before they open. */
  refuseLinks(count: number): void {
    this.#refusals = count
  }

  /**
   * Swallows the wire messages for which `predicate` is true, silently; without one, no more. No honest network does this to one link: the
   * counts of both ends differ from then on, until the link is cut.
   */
  drop(predicate?: (text: string, direction: Direction) => boolean): void {
    this.#drop = predicate
  }

  dial(socket: TestSocket): Link {
    const link = new Link(this, socket)
    this.dials += 1
    if (this.#refusals > 0) {
      this.#refusals -= 1
      link.alive = false
      this.timers.setTimeout(() => socket.lost(1006, ''), this.latencyMs)
      return link
    }
    if (this.#partitioned) return link
    this.links.add(link)
    link.later('to-client', () => {
      link.end = this.#accept(link)
      socket.opened()
    })
    return link
  }

  fate(text: string, direction: Direction): 'pass' | 'cut' | 'lost' {
    this.crossed += 1
    const swallowed = this.#drop?.(text, direction)
    if (this.#cutAt !== undefined && this.crossed > this.#cutAt) {
      this.#cutAt = undefined
      return 'cut'
    }
    return this.#partitioned || swallowed ? 'lost' : 'pass'
  }
}

const OPEN = 1
const CLOSED = 3

/** The client's end of a link, as a WebSocket. */
export class TestSocket implements WebSocketLike {
  onopen: ((event: never) => void) | null = null
  onmessage: ((event: never) => void) | null = null
  onclose: ((event: never) => void) | null = null
  onerror: ((event: never) => void) | null = null
  readyState = 0
  readonly url: string
  readonly protocols: readonly string[]
  #link: Link

  constructor(network: Network, url: string, protocols: string[]) {
    this.url = url
    this.protocols = protocols
    this.#link = network.dial(this)
  }

  send(data: string): void {
    if (this.readyState === 0) throw new DOMException('The link is not open yet', 'InvalidStateError')
    if (this.readyState !== OPEN || !this.#link.alive) return
    this.#link.transmit('to-router', data, () => this.#link.end?.message(data))
  }

  close(code?: number): void {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) {
      throw new DOMException(`A WebSocket cannot be closed with ${code}`, 'InvalidAccessError')
    }
    if (this.readyState === CLOSED) return
    this.readyState = CLOSED
    this.#link.closedByClient(code ?? 1005)
  }

  opened(): void {
    if (this.readyState !== 0) return
    this.readyState = OPEN
    call(this.onopen, {})
  }

  receive(text: string): void {
    if (this.readyState === OPEN) call(this.onmessage, { data: text })
  }

  lost(code: number, reason: string): void {
    if (this.readyState === CLOSED) return
    this.readyState = CLOSED
    call(this.onclose, { code, reason })
  }
}

/** Handlers take what a browser gives them; of that, these events have what clients read. */
function call(handler: ((event: never) => void) | null, event: object): void {
  handler?.(event as never)
}

/** A WebSocket class whose links lead to this network. */
export function webSocketOf(network: Network): WebSocketConstructor {
  return class extends TestSocket {
    constructor(url: string, protocols: string[]) {
      super(network, url, protocols)
    }
  }
}
