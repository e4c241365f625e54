import { useCallback, useState, useSyncExternalStore } from 'react'

import { count, milliseconds, rate } from '../lib/format.ts'
import { useStore } from '../lib/store.ts'
import { Figure } from '../ui/Figure.tsx'
import { useNow } from '../ui/useNow.ts'
import { latency, messageRate } from './board.ts'
import type { HostModel, RouterRates } from './hostModel.ts'
import type { HostMetrics } from './metrics.ts'

const NO_RATES: RouterRates = { receivedPerSecond: undefined, deliveredPerSecond: undefined }

/** What the router does, and what of it reaches this page. */
export function RouterStrip({ host }: { host: HostModel | undefined }) {
  const { router, rates } = useRouter(host)
  const { linkMs, screenMs } = useStore(latency.measured)
  useNow(500)
  const screen = milliseconds(screenMs ?? linkMs)
  const link = milliseconds(linkMs)
  return (
    <section aria-label="Router and this page">
      <dl className="figures">
        <Figure label="To this page" value={rate(messageRate.perSecond(performance.now()))} unit="msg/s" />
        <Figure wide label="Publish to screen" value={screen.value} unit={screen.unit} more={`link ${link.value} ${link.unit}`} />
        <Figure label="Router, in" value={rate(rates.receivedPerSecond)} unit="msg/s" />
        <Figure label="Router, out" value={rate(rates.deliveredPerSecond)} unit="msg/s" />
        <Figure label="Connections" value={count(router?.connections)} />
        <Figure label="Subscriptions" value={count(router?.subscriptions)} />
        <Figure label="Dropped since start" value={count(router?.messages_dropped_total)} unit="msg" />
      </dl>
    </section>
  )
}

function useRouter(host: HostModel | undefined): { router: HostMetrics['router'] | undefined; rates: RouterRates } {
  const [nothing] = useState(() => () => () => {})
  const watch = useCallback((told: () => void) => (host ? host.latest.watch(told) : nothing()), [host, nothing])
  const latest = useSyncExternalStore(watch, () => host?.latest.get())
  return { router: latest?.router, rates: host?.rates.get() ?? NO_RATES }
}
