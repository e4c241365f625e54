/** Lets so many things through per second and counts the rest. */
export class RateCap {
  #tokens: number
  #at: number | undefined
  #turnedAway = 0

  constructor(public perSecond: number) {
    this.#tokens = perSecond
  }

  /** Things turned away since the count was last taken. */
  takeTurnedAway(): number {
    const amount = this.#turnedAway
    this.#turnedAway = 0
    return amount
  }

  allows(now: number): boolean {
    const passed = this.#at === undefined ? 0 : Math.max(0, now - this.#at)
    this.#at = now
    this.#tokens = Math.min(this.perSecond, this.#tokens + (passed * this.perSecond) / 1000)
    if (this.#tokens < 1) {
      this.#turnedAway += 1
      return false
    }
    this.#tokens -= 1
    return true
  }
}
