import { Ring } from '../lib/ring.ts'
import { Store } from '../lib/store.ts'

export interface Notice {
  id: number
  /** Milliseconds since 1970, by the clock of this page. */
  at: number
  kind: 'link' | 'gap' | 'status' | 'people'
  level: 'info' | 'good' | 'warn' | 'bad'
  words: string
}

const KEPT = 100

/** What happened, newest first, bounded. */
export class Notices {
  readonly list = new Store<readonly Notice[]>([])
  readonly #ring = new Ring<Notice>(KEPT)
  #next = 1

  constructor(readonly now: () => number = Date.now) {}

  readonly add = (notice: Omit<Notice, 'id' | 'at'>): void => {
    this.#ring.push({ ...notice, id: this.#next, at: this.now() })
    this.#next += 1
    this.list.set(this.#ring.toArray().reverse())
  }
}
