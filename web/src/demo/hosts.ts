import { Store } from '../lib/store.ts'
import { HostModel } from './hostModel.ts'
import type { HostMetrics } from './metrics.ts'

const HOSTS_MAX = 32

/** The hosts that were heard of: several nodes of a cluster may publish on the same subject. */
export class Hosts {
  readonly all = new Store<ReadonlyMap<string, HostModel>>(new Map())
  readonly chosen = new Store<string | undefined>(undefined)
  /** Samples of hosts beyond the bound. */
  turnedAway = 0

  constructor(readonly now: () => number = Date.now) {}

  add(metrics: HostMetrics): void {
    const known = this.all.get().get(metrics.host)
    if (known?.fits(metrics)) {
      known.add(metrics)
      return
    }
    if (!known && this.all.get().size >= HOSTS_MAX) {
      this.turnedAway += 1
      return
    }
    this.all.update((all) => new Map(all).set(metrics.host, new HostModel(metrics, this.now)))
    if (this.chosen.get() === undefined) this.chosen.set(metrics.host)
  }

  gap(label: string): void {
    for (const host of this.all.get().values()) host.gap(label)
  }

  cut(): void {
    for (const host of this.all.get().values()) host.cut()
  }

  mend(): void {
    for (const host of this.all.get().values()) host.mend()
  }
}
