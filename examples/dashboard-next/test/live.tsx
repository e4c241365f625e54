import { act, render, type RenderResult } from '@testing-library/react'
import type { MetricsUpdated } from 'pointsman'
import { EventsProvider } from 'pointsman/react'
import { createTestClient, type TestClient } from 'pointsman/testing'
import type { ReactNode } from 'react'

/** A component on a client whose router is in memory. */
export interface Live extends RenderResult, Pick<TestClient, 'client' | 'router'> {
  /** Waits until nothing is on its way any more and everything is rendered. */
  idle(): Promise<void>
  /** Lets time of the client and the router pass. */
  advance(ms: number): Promise<void>
}

/** Renders below a provider and waits for the link. */
export async function renderLive(children: ReactNode): Promise<Live> {
  const test = createTestClient()
  const result = render(<EventsProvider client={test.client}>{children}</EventsProvider>)
  const live: Live = {
    ...result,
    client: test.client,
    router: test.router,
    idle: () => act(() => test.idle()),
    advance: (ms) => act(() => test.advance(ms)),
  }
  await live.idle()
  return live
}

/** A publication as `pointsman dev` makes it, with the figures that a test is about. */
export function metrics({ at = 0, cpu = 0, used = 0 }: { at?: number; cpu?: number; used?: number } = {}): MetricsUpdated {
  return {
    at,
    host: 'test',
    cpu: { total: cpu, cores: [cpu, cpu] },
    memory: { used_bytes: used, total_bytes: 8 * 2 ** 30, swap_used_bytes: 0, swap_total_bytes: 0 },
    disks: [],
    network: { received_bytes_per_second: 0, sent_bytes_per_second: 0 },
    load: [0, 0, 0],
    uptime_seconds: 1,
    router: { connections: 3, subscriptions: 5, messages_received_total: 7, messages_delivered_total: 11, messages_dropped_total: 0 },
  }
}
