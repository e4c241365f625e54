import type { SystemStatusChanged } from 'pointsman'

import { RateMeter } from '../lib/rate.ts'
import { Store } from '../lib/store.ts'
import { Hosts } from './hosts.ts'
import { LatencyProbe } from './latency.ts'
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
export const components = new Store<ReadonlyMap<string, SystemStatusChanged>>(new Map())

export function seeStatus(change: SystemStatusChanged): void {
  const known = components.get()
  if (!known.has(change.component) && known.size >= COMPONENTS_MAX) return
  components.set(new Map(known).set(change.component, change))
}
