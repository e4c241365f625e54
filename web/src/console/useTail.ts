import { PointsmanError } from 'pointsman'
import { useClient } from 'pointsman/react'
import { useEffect, useState } from 'react'

import { EMPTY_TAIL, TailLog } from './tailLog.ts'
import type { TailView } from './tailLog.ts'

export interface TailOptions {
  /** Absent: no tail runs. */
  pattern: string | undefined
  perSecond: number
  paused: boolean
}

export interface Tail {
  view: TailView
  /** Why the server refused the pattern. */
  fault: string | undefined
  clear: () => void
}

/** Subscribes to a pattern and keeps what comes; draws at most once a frame. */
export function useTail({ pattern, perSecond, paused }: TailOptions): Tail {
  const client = useClient()
  const [log] = useState(() => new TailLog(perSecond))
  const [view, setView] = useState<TailView>(EMPTY_TAIL)
  const [fault, setFault] = useState<string>()

  useEffect(() => {
    log.cap.perSecond = perSecond
    log.paused = paused
  }, [log, perSecond, paused])

  useEffect(() => {
    setFault(undefined)
    if (pattern === undefined) return
    let frame: number | undefined
    const draw = () => {
      frame ??= requestAnimationFrame(() => {
        frame = undefined
        setView(log.view())
      })
    }
    const stop = new AbortController()
    const subscription = client.events.subscribe(
      pattern,
      (message) => {
        log.add(message)
        draw()
      },
      {
        signal: stop.signal,
        onGap: (gap) => {
          log.gap(gap)
          draw()
        },
      },
    )
    subscription.ready.catch((thrown: unknown) => {
      if (stop.signal.aborted) return
      setFault(thrown instanceof PointsmanError ? `${thrown.message} ${thrown.remediation}` : String(thrown))
    })
    return () => {
      stop.abort()
      if (frame !== undefined) cancelAnimationFrame(frame)
    }
  }, [client, log, pattern])

  const clear = () => {
    log.clear()
    setView(log.view())
  }
  return { view, fault, clear }
}
