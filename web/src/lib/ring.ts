/** A list of bounded length: what is added beyond the bound pushes the oldest out. */
export class Ring<T> {
  readonly #slots: (T | undefined)[]
  #first = 0
  #length = 0

  constructor(readonly capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new RangeError(`a ring needs room for at least one entry, not ${capacity}`)
    }
    this.#slots = new Array<T | undefined>(capacity)
  }

  get length(): number {
    return this.#length
  }

  /** Adds an entry and gives back the one that had to go for it. */
  push(entry: T): T | undefined {
    const at = (this.#first + this.#length) % this.capacity
    const gone = this.#length === this.capacity ? this.#slots[at] : undefined
    this.#slots[at] = entry
    if (this.#length < this.capacity) this.#length += 1
    else this.#first = (this.#first + 1) % this.capacity
    return gone
  }

  /** The entry at a place counted from the oldest; a negative place counts from the newest. */
  at(place: number): T | undefined {
    const from = place < 0 ? this.#length + place : place
    if (from < 0 || from >= this.#length) return undefined
    return this.#slots[(this.#first + from) % this.capacity]
  }

  /** Oldest first. */
  *[Symbol.iterator](): Generator<T> {
    for (let place = 0; place < this.#length; place += 1) {
      yield this.#slots[(this.#first + place) % this.capacity] as T
    }
  }

  toArray(): T[] {
    return [...this]
  }

  clear(): void {
    this.#slots.fill(undefined)
    this.#first = 0
    this.#length = 0
  }
}
