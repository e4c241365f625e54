import type { ConnectionSnapshot } from 'pointsman'

import { milliseconds, plural, text } from '../lib/format.ts'
import type { Notice } from './notices.ts'

type Told = Omit<Notice, 'id' | 'at'>

/** The one state in which messages arrive: `degraded` is the state of a link that has been down for long and is tried now and then. */
export function isUp(state: ConnectionSnapshot['state']): boolean {
  return state === 'connected'
}

interface Account {
  since: number
  resumed: boolean
  seconds: string
  gapsBefore: number
  messages: number
}

/** How long after the return the account stays open when no fresh sample ends it. */
const ACCOUNT_MS = 2500

/**
 * Follows the connection and tells in words what became of it: once when the link is lost, once when it is back, with what was caught up.
 */
export class OutageWatch {
  #last: ConnectionSnapshot | undefined
  #lost: { at: number; gaps: number } | undefined
  #session: string | undefined
  #account: Account | undefined

  constructor(
    readonly tell: (notice: Told) => void,
    readonly now: () => number = Date.now,
  ) {}

  see(snapshot: ConnectionSnapshot): void {
    const before = this.#last
    this.#last = snapshot
    const { state, cause } = snapshot
    if (state === before?.state) return
    const wasUp = before !== undefined && isUp(before.state)
    if (isUp(state)) {
      if (!wasUp) this.#up(snapshot)
    } else if (state === 'closed') {
      this.#lost = undefined
      this.tell({ kind: 'link', level: 'info', words: 'The link was closed by this page.' })
    } else if (state === 'failed') {
      this.#lost ??= { at: this.now(), gaps: snapshot.gaps }
      const why = cause ? `${cause.message} ${cause.remediation}` : 'no cause was given.'
      this.tell({ kind: 'link', level: 'bad', words: `The link failed: ${why}` })
    } else if (wasUp) {
      this.#lost = { at: this.now(), gaps: snapshot.gaps }
      this.tell({ kind: 'link', level: 'warn', words: 'The link was lost; trying again.' })
    }
  }

  #up(snapshot: ConnectionSnapshot): void {
    const lost = this.#lost
    if (lost) {
      this.#account = {
        since: this.now(),
        resumed: snapshot.session !== undefined && snapshot.session === this.#session,
        seconds: text(milliseconds(this.now() - lost.at)),
        gapsBefore: lost.gaps,
        messages: 0,
      }
    } else {
      this.tell({ kind: 'link', level: 'good', words: `Connected${snapshot.server ? ` to ${snapshot.server}` : ''}.` })
    }
    this.#lost = undefined
    this.#session = snapshot.session
  }

  /** A sample arrived that is `ageMs` old. After an outage those older than the return are caught up; the first fresh one ends the account. */
  sample(ageMs: number): void {
    const account = this.#account
    if (!account) return
    if (ageMs > this.now() - account.since) account.messages += 1
    else this.#settle(account)
  }

  /** Ends the account when no fresh sample does. To be called now and then. */
  tick(): void {
    const account = this.#account
    if (account && this.now() - account.since > ACCOUNT_MS) this.#settle(account)
  }

  #settle(account: Account): void {
    this.#account = undefined
    if (!account.resumed) {
      const words = `Back after ${account.seconds} with a new session: the server no longer held the old one.`
      this.tell({ kind: 'link', level: 'warn', words })
      return
    }
    const whole = (this.#last?.gaps ?? 0) === account.gapsBefore
    const caught = account.messages > 0 ? `${plural(account.messages, 'message')} caught up` : 'nothing to catch up'
    const words = `Back after ${account.seconds}, same session: ${caught}, ${whole ? 'nothing missed' : 'some missed'}.`
    this.tell({ kind: 'link', level: whole ? 'good' : 'warn', words })
  }
}
