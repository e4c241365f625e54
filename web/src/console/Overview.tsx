import { useState } from 'react'

import { apiToken, asProblem, call, tokenNeeded } from '../lib/api.ts'
import type { Problem } from '../lib/api.ts'
import { bytes, bytesPerSecond, count, duration, rate } from '../lib/format.ts'
import { useStore } from '../lib/store.ts'
import { usePoll } from '../lib/usePoll.ts'
import { Figure } from '../ui/Figure.tsx'
import { ProblemNote } from '../ui/ProblemNote.tsx'
import { Sparkline } from '../ui/Sparkline.tsx'
import { droppedTotal, StatusRates } from './statusRates.ts'
import type { History, Rates } from './statusRates.ts'
import type { Status } from './types.ts'

const EVERY_MS = 1000

interface Seen {
  status?: Status
  rates?: Rates
  history?: History
  problem?: Problem
}

/** Rates and totals of the node, read once a second. */
export function Overview() {
  const token = useStore(apiToken)
  const needed = useStore(tokenNeeded)
  const [readings] = useState(() => new StatusRates())
  const [seen, setSeen] = useState<Seen>({})
  usePoll(
    async (signal) => {
      try {
        const status = await call<Status>('v1/status', { signal })
        setSeen({ status, ...readings.read(status, performance.now()) })
      } catch (thrown) {
        signal.throwIfAborted()
        setSeen(({ status }) => ({ ...(status && { status }), history: readings.miss(), problem: asProblem(thrown) }))
      }
    },
    EVERY_MS,
    needed === undefined,
    token,
  )
  const { status, rates, history, problem } = seen
  const lines = (name: keyof History) => <Sparkline values={history?.[name] ?? []} capacity={StatusRates.capacity} />
  const bytesIn = bytesPerSecond(rates?.bytesIn)
  const bytesOut = bytesPerSecond(rates?.bytesOut)
  const memory = bytes(status?.memory_bytes)
  return (
    <section className="overview" aria-label="Overview">
      <NodeLine status={status} stale={problem !== undefined} />
      {problem && needed === undefined && <ProblemNote problem={problem} />}
      <dl className={`figures ${problem ? 'figures--stale' : ''}`}>
        <Figure label="Messages in" value={rate(rates?.messagesIn)} unit="/s">
          {lines('messagesIn')}
        </Figure>
        <Figure label="Messages out" value={rate(rates?.messagesOut)} unit="/s">
          {lines('messagesOut')}
        </Figure>
        <Figure label="Bytes in" value={bytesIn.value} unit={bytesIn.unit}>
          {lines('bytesIn')}
        </Figure>
        <Figure label="Bytes out" value={bytesOut.value} unit={bytesOut.unit}>
          {lines('bytesOut')}
        </Figure>
        <Figure label="Dropped" value={rate(rates?.dropped)} unit="/s" more={status && `${count(droppedTotal(status))} in all`}>
          {lines('dropped')}
        </Figure>
        <Figure label="Connections" value={count(status?.connections)} more={status && `${count(status.sessions)} sessions`} />
        <Figure label="Subscriptions" value={count(status?.subscriptions)} />
        <Figure label="Memory" value={memory.value} unit={memory.unit} />
      </dl>
    </section>
  )
}

function NodeLine({ status, stale }: { status: Status | undefined; stale: boolean }) {
  if (!status) return <div className="nodeline" />
  const { backplane } = status
  return (
    <div className="nodeline">
      <span className={`badge badge--${stale ? '' : status.ready ? 'good' : 'bad'}`}>
        {stale ? 'Not answering' : status.ready ? 'Ready' : 'Not ready'}
      </span>
      <span>
        node <b className="mono">{status.node}</b>
      </span>
      <span>
        version <b>{status.version}</b>
      </span>
      <span>
        up <b>{duration(status.uptime_seconds)}</b>
      </span>
      <span>
        backplane <b>{backplane.kind}</b>, {backplane.state}
      </span>
    </div>
  )
}
