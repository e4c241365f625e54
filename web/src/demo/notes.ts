import type { UserInteraction } from 'pointsman'

import { Ring } from '../lib/ring.ts'
import { Store } from '../lib/store.ts'

/** A note that somebody wrote on a page, and who said that they see it. */
export interface Note {
  /** `<page>.<number>`, the target of the interaction. */
  id: string
  at: number
  by: string
  own: boolean
  words: string
  seenBy: readonly string[]
}

const NOTES_MAX = 20
const SEEN_MAX = 50
const WORDS_MAX = 200
const NAME_MAX = 60

/** Where a page tells the writer of a note that it shows it. Only the writer listens there: pages do not tell each other. */
export function seenSubject(page: string): string {
  return `user.interaction.seen.${page}`
}

/** The page of a note's id, if it is one. */
export function pageOf(id: string): string | undefined {
  return /^([a-z0-9]{1,32})\.\d{1,9}$/.exec(id)?.[1]
}

/** The notes of all pages, newest first, bounded. */
export class Notes {
  readonly list = new Store<readonly Note[]>([])
  readonly #ring = new Ring<Note>(NOTES_MAX)
  #number = 0

  constructor(
    readonly page: string,
    readonly name: string,
    readonly now: () => number = Date.now,
  ) {}

  /** The interaction to publish for what was written here. It is shown when it comes back, as at everybody. */
  write(words: string): UserInteraction {
    this.#number += 1
    return { at: this.now(), action: 'note', target: `${this.page}.${this.#number}`, value: words.slice(0, WORDS_MAX), user: this.name }
  }

  /** Takes a note that arrived; gives the page to be told that it is seen here, unless it is this one. */
  arrived(data: Partial<UserInteraction> | null | undefined): string | undefined {
    if (data?.action !== 'note' || typeof data.target !== 'string' || typeof data.value !== 'string') return undefined
    const page = pageOf(data.target)
    if (page === undefined || this.list.get().some((note) => note.id === data.target)) return undefined
    const own = page === this.page
    this.#ring.push({
      id: data.target,
      at: this.now(),
      by: own ? this.name : name(data.user),
      own,
      words: data.value.slice(0, WORDS_MAX),
      seenBy: [],
    })
    this.#show()
    return own ? undefined : page
  }

  /** Another page shows a note of this one. */
  seen(data: Partial<UserInteraction> | null | undefined): void {
    if (data?.action !== 'seen' || typeof data.target !== 'string') return
    const by = name(data.user)
    const found = [...this.#ring]
    const at = found.findIndex((note) => note.own && note.id === data.target)
    const note = found[at]
    if (!note || note.seenBy.length >= SEEN_MAX) return
    this.#ring.clear()
    for (const each of found) this.#ring.push(each === note ? { ...note, seenBy: [...note.seenBy, by] } : each)
    this.#show()
  }

  #show(): void {
    this.list.set(this.#ring.toArray().reverse())
  }
}

function name(given: unknown): string {
  return typeof given === 'string' && given !== '' ? given.slice(0, NAME_MAX) : 'somebody'
}
