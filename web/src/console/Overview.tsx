import { useState } from 'react'

import { apiToken, asProblem, call, tokenNeeded } from '../lib/api.ts'
import type { Problem } from '../lib/api.ts'
import { bytes, bytesPerSecond, count, duration, plural, rate } from '../lib/format.ts'
import { useStore } from '../lib/store.ts'
import { usePoll } from '../lib/usePoll.ts'
import { Figure } from '../ui/Figure.tsx'
import { ProblemNote } from '../ui/ProblemNote.tsx'
import { Sparkline } from '../ui/Sparkline.tsx'
import { droppedTotal, StatusRates } from './statusRates.ts'
import type { FigureName, Figures, History } from './statusRates.ts'
import type { Status } from './types.ts'

const EVERY_MS = 1000

interface Seen {
  status?: Status
  figures?: Figures
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
  const { status, figures, history, problem } = seen
  return (
    <section className="overview" aria-label="Overview">
      <NodeLine status={status} stale={problem !== undefined} />
      {problem && needed === undefined && <ProblemNote problem={problem} />}
      <dl className={`figures ${problem ? 'figures--stale' : ''}`}>
        {FIGURES.map(({ name, label, words, more }) => (
          <Figure key={name} label={label} {...words(figures?.[name])} wide={more !== undefined} more={status && more?.(status)}>
            <Sparkline values={history?.[name] ?? []} capacity={StatusRates.capacity} />
          </Figure>
        ))}
      </dl>
    </section>
  )
}

interface FigureWords {
  name: FigureName
  label: string
  words: (value: number | undefined) => { value: string; unit?: string }
  more?: (status: Status) => string
}

const perSecond = (value: number | undefined) => ({ value: rate(value), unit: '/s' })
const whole = (value: number | undefined) => ({ value: count(value) })

const FIGURES: readonly FigureWords[] = [
  { name: 'messagesIn', label: 'Messages in', words: perSecond },
  { name: 'messagesOut', label: 'Messages out', words: perSecond },
  { name: 'bytesIn', label: 'Bytes in', words: bytesPerSecond },
  { name: 'bytesOut', label: 'Bytes out', words: bytesPerSecond },
  { name: 'dropped', label: 'Dropped', words: perSecond, more: (status) => `${count(droppedTotal(status))} in all` },
  { name: 'connections', label: 'Connections', words: whole, more: ({ sessions }) => plural(sessions, 'session') },
  { name: 'subscriptions', label: 'Subscriptions', words: whole },
  { name: 'memory', label: 'Memory', words: bytes },
]

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
