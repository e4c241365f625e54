import { RateMeter } from '../lib/rate.ts'
import { Store } from '../lib/store.ts'
import { Hosts } from './hosts.ts'
import { LatencyProbe } from './latency.ts'
import type { ComponentStatus } from './metrics.ts'
import { Notices } from './notices.ts'
import { OutageWatch } from './outage.ts'

/** What the page knows, outside React: it changes with every message, and only what shows it draws again. */
export const hosts = new Hosts()
export const notices = new Notices()
export const latency = new LatencyProbe()
export const outages = new OutageWatch(notices.add)
export const messageRate = new RateMeter()

const COMPONENTS_MAX = 32

/** The last state told of each component. */
export const components = new Store<ReadonlyMap<string, ComponentStatus>>(new Map())

/** Takes a change; gives whether it says anything new. */
export function seeStatus(change: ComponentStatus): boolean {
  const known = components.get()
  const key = `${change.node ?? ''} ${change.component}`
  const before = known.get(key)
  if (before?.state === change.state || (!before && known.size >= COMPONENTS_MAX)) return false
  components.set(new Map(known).set(key, change))
  return true
}
