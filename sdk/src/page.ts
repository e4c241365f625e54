/** What a page tells about itself. */
export interface PageEvents {
  /** The network is back, or somebody looks at the page again. */
  wake(): void
  /** The page is put aside and may come back as it is; an open link would hinder that. */
  freeze(): void
}

/** Listens to the page, if there is one. Returns what stops it. */
export function watchPage(events: PageEvents): () => void {
  if (typeof window === 'undefined' || typeof document === 'undefined') return () => {}
  const stop = new AbortController()
  const { signal } = stop
  const wake = (): void => events.wake()
  const hide = (event: PageTransitionEvent): void => {
    if (event.persisted) events.freeze()
  }
  window.addEventListener('online', wake, { signal })
  window.addEventListener('pageshow', wake, { signal })
  window.addEventListener('pagehide', hide, { signal })
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && wake(), { signal })
  return () => stop.abort()
}

/** The address to connect to, or nothing where there is neither a page nor an absolute address. */
export function resolveUrl(url: string | undefined): string | undefined {
  const base = typeof window !== 'undefined' && typeof location !== 'undefined' && /^http/.test(location.protocol) ? location.href : undefined
  const given = url ?? '/v1/ws'
  if (!base && !/^(ws|http)s?:/.test(given)) return undefined
  return new URL(given, base).href.replace(/^http/, 'ws')
}
