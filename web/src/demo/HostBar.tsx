import { duration, UNKNOWN } from '../lib/format.ts'
import { useStore } from '../lib/store.ts'
import { Segments } from '../ui/Segments.tsx'
import { components, hosts } from './board.ts'
import type { HostModel } from './hostModel.ts'

export const WINDOWS = [
  { value: 120_000, words: '2 min' },
  { value: 180_000, words: '3 min' },
  { value: 300_000, words: '5 min' },
] as const

interface HostBarProps {
  host: HostModel
  windowMs: number
  onWindow: (windowMs: number) => void
}

/** Which host it is, how it fares, and how far back the charts go. */
export function HostBar({ host, windowMs, onWindow }: HostBarProps) {
  const all = useStore(hosts.all)
  const latest = useStore(host.latest)
  const known = useStore(components)
  return (
    <div className="hostbar">
      {all.size > 1 ? (
        <label className="hostbar__host">
          <span className="hidden-visually">Host</span>
          <select className="input" value={latest.host} onChange={(event) => hosts.chosen.set(event.target.value)}>
            {[...all.keys()].map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      ) : (
        <span className="hostbar__host">{latest.host}</span>
      )}
      <span className="hostbar__fact">
        up <b>{duration(latest.uptime_seconds)}</b>
      </span>
      <span className="hostbar__fact" title="Mean number of running tasks over 1, 5 and 15 minutes">
        load <b>{latest.load?.map((value) => value.toFixed(2)).join(' \u00a0') ?? UNKNOWN}</b>
      </span>
      <ul className="hostbar__components" aria-label="Components">
        {[...known].map(([key, { component, node, state, cause }]) => (
          <li
            key={key}
            className={`badge badge--${{ up: 'good', degraded: 'warn', down: 'bad' }[state]}`}
            title={[node && `node ${node}`, cause].filter(Boolean).join(': ')}
          >
            {component} {state}
          </li>
        ))}
      </ul>
      <div className="hostbar__end">
        <Segments label="How far back the charts go" options={WINDOWS} value={windowMs} onChange={onWindow} />
      </div>
    </div>
  )
}
