import { useEffect, useRef } from 'react'

/**
 * Calls `poll` at once and then `everyMs` after each call has ended, never two at a time, and not while the page is hidden. `on` false stops it.
 */
export function usePoll(poll: (signal: AbortSignal) => Promise<void>, everyMs: number, on: boolean, key: unknown = undefined): void {
  const latest = useRef(poll)
  useEffect(() => {
    latest.current = poll
  })
  useEffect(() => {
    if (!on) return
    const stop = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    let busy = false
    const run = async () => {
      clearTimeout(timer)
      if (busy || stop.signal.aborted || document.hidden) return
      busy = true
      try {
        await latest.current(stop.signal)
      } catch (thrown) {
        if (!stop.signal.aborted) throw thrown
      } finally {
        busy = false
        if (!stop.signal.aborted) timer = setTimeout(() => void run(), everyMs)
      }
    }
    const onVisible = () => void run()
    document.addEventListener('visibilitychange', onVisible)
    void run()
    return () => {
      stop.abort()
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', onVisible)
    }
  }, [everyMs, on, key])
}
