/** A promise with its two ends. Its rejection never counts as unhandled: who needs it, awaits it. */
export interface Deferred<T> {
  promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

/** Makes a {@link Deferred}. */
export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  promise.catch(() => {})
  return { promise, resolve, reject }
}

/** Hands what a callback threw to the platform, as an event target does, so that it neither vanishes nor stops others. */
export function report(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}

/** A list of callbacks, kept in order; each call gives back what takes one out. */
export class Listeners<T> {
  #all: ((value: T) => void)[] = []

  add(listener: (value: T) => void): () => void {
    // A wrapper, so that adding one function twice makes two entries.
    const entry = (value: T): void => listener(value)
    this.#all = [...this.#all, entry]
    return () => {
      this.#all = this.#all.filter((other) => other !== entry)
    }
  }

  emit(value: T): void {
    for (const listener of this.#all) {
      try {
        listener(value)
      } catch (error) {
        report(error)
      }
    }
  }
}
