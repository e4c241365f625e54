import { useConnectionState, useEvent } from 'pointsman/react'
import { useEffect } from 'react'

import { gapLabel, gapWords } from '../lib/gapWords.ts'
import { hosts, latency, messageRate, notices, outages, seeStatus } from './board.ts'
import { client, pageId } from './link.ts'
import { readMetrics, readStatusChange } from './metrics.ts'
import { isUp } from './outage.ts'

const PING_EVERY_MS = 1000
const PING_SUBJECT = `demo.ping.${pageId}`
const METRICS = 'metrics.updated'

/** Brings messages and the state of the link into the board. Draws nothing. */
export function Feed() {
  useMetrics()
  useStatus()
  useLink()
  usePing()
  return null
}

function useMetrics() {
  useEvent(METRICS, ({ data }) => {
    messageRate.mark(performance.now())
    const metrics = readMetrics(data)
    if (!metrics) return
    hosts.add(metrics)
    const host = hosts.all.get().get(metrics.host)
    if (host) outages.sample(host.hostNow() - metrics.at)
  })
  useEffect(
    () =>
      client.connection.on('gap', (gap) => {
        outages.see(client.connection.getSnapshot())
        notices.add({ kind: 'gap', level: 'warn', words: `${gap.patterns.join(', ')}: ${gapWords(gap)}.` })
        if (gap.patterns.includes(METRICS)) hosts.gap(gapLabel(gap))
      }),
    [],
  )
}

function useStatus() {
  useEvent('system.status.changed', ({ data }) => {
    messageRate.mark(performance.now())
    const change = readStatusChange(data)
    if (!change || !seeStatus(change)) return
    const level = ({ up: 'good', degraded: 'warn', down: 'bad' } as const)[change.state]
    notices.add({ kind: 'status', level, words: `${change.component} is ${change.state}${change.cause ? `: ${change.cause}` : ''}.` })
  })
}

function useLink() {
  useEffect(() => {
    const { connection } = client
    const see = () => outages.see(connection.getSnapshot())
    see()
    const off = connection.on('state', ({ from, to }) => {
      see()
      if (isUp(from) && !isUp(to)) {
        hosts.cut()
        latency.reset()
      }
      if (isUp(to)) hosts.mend()
    })
    // What failed shows in the state of the link.
    connection.connect().catch(() => {})
    const timer = setInterval(() => outages.tick(), 500)
    return () => {
      off()
      clearInterval(timer)
    }
  }, [])
}

function usePing() {
  const up = isUp(useConnectionState((snapshot) => snapshot.state))
  useEvent(PING_SUBJECT, ({ data }) => {
    messageRate.mark(performance.now())
    latency.arrived((data as { number?: unknown } | null)?.number)
  })
  useEffect(() => {
    if (!up) return
    const ping = () => {
      if (document.hidden) return
      // A refused ping leaves the figure unknown; the events list would fill up with it.
      client.events.publish(PING_SUBJECT, { number: latency.begin() }).catch(() => {})
    }
    ping()
    const timer = setInterval(ping, PING_EVERY_MS)
    return () => clearInterval(timer)
  }, [up])
}
