import { Median } from '../lib/rate.ts'
import { Store } from '../lib/store.ts'

export interface Latency {
  /** From the publish to the handler, in milliseconds: there and back through the server. */
  linkMs: number | undefined
  /** From the publish to the frame that shows it. */
  screenMs: number | undefined
}

const KEPT = 15

/** Times messages that this page sends to itself. Medians of the last few, so that one slow frame does not stand for all. */
export class LatencyProbe {
  readonly measured = new Store<Latency>({ linkMs: undefined, screenMs: undefined })
  readonly #link = new Median(KEPT)
  readonly #screen = new Median(KEPT)
  #waiting: { number: number; at: number } | undefined
  #number = 0

  constructor(
    readonly now: () => number = () => performance.now(),
    readonly afterPaint: (then: () => void) => void = (then) => {
      // The second frame begins when the first, with the change in it, has been handed to the screen.
      requestAnimationFrame(() => requestAnimationFrame(then))
    },
    readonly visible: () => boolean = () => !document.hidden,
  ) {}

  /** Begins a measurement and gives the number to publish. One that was never answered is forgotten. */
  begin(): number {
    this.#number += 1
    this.#waiting = { number: this.#number, at: this.now() }
    return this.#number
  }

  /** The number came back. */
  arrived(number: unknown): void {
    const waiting = this.#waiting
    if (!waiting || waiting.number !== number) return
    this.#waiting = undefined
    this.#link.push(this.now() - waiting.at)
    this.measured.set({ ...this.measured.get(), linkMs: this.#link.value })
    // Frames of a hidden page do not come.
    if (!this.visible()) return
    this.afterPaint(() => {
      this.#screen.push(this.now() - waiting.at)
      this.measured.set({ linkMs: this.#link.value, screenMs: this.#screen.value })
    })
  }

  /** The link was lost: what was measured before says nothing about the next one. */
  reset(): void {
    this.#waiting = undefined
    this.#link.clear()
    this.#screen.clear()
    this.measured.set({ linkMs: undefined, screenMs: undefined })
  }
}
