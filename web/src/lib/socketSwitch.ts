/**
 * A switch in the link of the SDK. Its `Socket` is given to `createClient` in place of `WebSocket`: it passes everything on, until `cut` ends
 * the real socket and tells the SDK what a broken cable would: code 1006, not clean.
 */

type SocketConstructor = new (url: string | URL, protocols?: string | string[]) => WebSocket

/** Not 1000 or 1001: the server keeps the session of a link that ended so (protocol.md#P8.1). */
const CUT_CODE = 4000

export interface LinkSwitch {
  readonly Socket: typeof WebSocket
  /** Cuts the open link; attempts within the next `forMs` fail too. */
  cut(forMs?: number): void
  /** Lets attempts through again at once. */
  mend(): void
  /** Until when attempts fail, in milliseconds of `now`; 0 if they do not. */
  readonly cutUntil: number
}

export function createLinkSwitch(Real: SocketConstructor = WebSocket, now: () => number = Date.now): LinkSwitch {
  const open = new Set<SwitchedSocket>()
  let cutUntil = 0

  class SwitchedSocket extends EventTarget {
    static readonly CONNECTING = 0
    static readonly OPEN = 1
    static readonly CLOSING = 2
    static readonly CLOSED = 3
    readonly CONNECTING = 0
    readonly OPEN = 1
    readonly CLOSING = 2
    readonly CLOSED = 3

    onopen: ((event: Event) => void) | null = null
    onmessage: ((event: MessageEvent) => void) | null = null
    onerror: ((event: Event) => void) | null = null
    onclose: ((event: CloseEvent) => void) | null = null

    readonly url: string
    #real: WebSocket | undefined
    #lost = false
    #binaryType: BinaryType = 'blob'

    constructor(url: string | URL, protocols?: string | string[]) {
      super()
      this.url = String(url)
      if (now() < cutUntil) {
        this.#lost = true
        queueMicrotask(() => this.#tellLoss())
        return
      }
      const real = new Real(url, protocols)
      this.#real = real
      open.add(this)
      real.onopen = () => this.#tell(new Event('open'), this.onopen)
      real.onmessage = (event) => this.#tell(new MessageEvent('message', { data: event.data as unknown }), this.onmessage)
      real.onerror = () => this.#tell(new Event('error'), this.onerror)
      real.onclose = ({ code, reason, wasClean }) => {
        open.delete(this)
        this.#tell(new CloseEvent('close', { code, reason, wasClean }), this.onclose)
      }
    }

    get readyState(): number {
      return this.#lost || !this.#real ? SwitchedSocket.CLOSED : this.#real.readyState
    }
    get protocol(): string {
      return this.#real?.protocol ?? ''
    }
    get extensions(): string {
      return this.#real?.extensions ?? ''
    }
    get bufferedAmount(): number {
      return this.#real?.bufferedAmount ?? 0
    }
    get binaryType(): BinaryType {
      return this.#binaryType
    }
    set binaryType(type: BinaryType) {
      this.#binaryType = type
      if (this.#real) this.#real.binaryType = type
    }

    send(data: string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBuffer>): void {
      // What is sent on a socket that is closing or closed is dropped, as by the real one, which also logs an error then.
      if (this.readyState <= SwitchedSocket.OPEN) this.#real?.send(data as string)
    }

    close(code?: number, reason?: string): void {
      if (!this.#lost) this.#real?.close(code, reason)
    }

    /** Ends the real socket; nothing of it is passed on any more. */
    lose(): void {
      if (this.#lost) return
      this.#lost = true
      open.delete(this)
      if (this.#real) {
        this.#real.onopen = this.#real.onmessage = this.#real.onerror = this.#real.onclose = null
        this.#real.close(CUT_CODE, 'cut by the page')
      }
      queueMicrotask(() => this.#tellLoss())
    }

    #tellLoss(): void {
      this.#tell(new Event('error'), this.onerror)
      this.#tell(new CloseEvent('close', { code: 1006, reason: '', wasClean: false }), this.onclose)
    }

    #tell<E extends Event>(event: E, handler: ((event: E) => void) | null): void {
      this.dispatchEvent(event)
      handler?.call(this, event)
    }
  }

  return {
    Socket: SwitchedSocket as unknown as typeof WebSocket,
    cut(forMs = 0) {
      cutUntil = Math.max(cutUntil, now() + forMs)
      for (const socket of [...open]) socket.lose()
    },
    mend() {
      cutUntil = 0
    },
    get cutUntil() {
      return now() < cutUntil ? cutUntil : 0
    },
  }
}
