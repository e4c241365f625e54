import { connection } from 'next/server'
import { bytes, duration } from '@/lib/format'
import { routerStatus, type RouterStatus } from '@/lib/router'
import { Card } from './Card'
import { RouterFigures, type RouterNumbers } from './RouterFigures'

/** How the router is: asked by the server for this page, so that the first paint has figures before any script has run. */
export async function RouterCard() {
  // Asked for each request, never while building.
  await connection()
  const { value: status, problem } = await routerStatus()
  const asked = new Date()
  return (
    <Card
      id="router"
      title="Router"
      note={
        <>
          asked at <time dateTime={asked.toISOString()}>{asked.toISOString().slice(11, 19)} UTC</time>
        </>
      }
    >
      <RouterFigures initial={status && numbers(status)} />
      {status ? (
        <dl className="facts">
          <Fact title="Node" value={status.node} />
          <Fact title="Version" value={status.version} />
          <Fact title="State" value={status.ready ? 'ready' : 'not ready'} />
          <Fact title="Backplane" value={`${status.backplane.kind}, ${status.backplane.state}`} />
          <Fact title="Up for" value={duration(status.uptime_seconds)} />
          <Fact title="Memory" value={bytes(status.memory_bytes)} />
        </dl>
      ) : (
        <p className="problem" role="alert">
          {problem.message}. {problem.next}
        </p>
      )}
    </Card>
  )
}

function Fact({ title, value }: { title: string; value: string }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{value}</dd>
    </div>
  )
}

function numbers(status: RouterStatus): RouterNumbers {
  return {
    connections: status.connections,
    subscriptions: status.subscriptions,
    messages_received_total: status.messages_received_total,
    messages_delivered_total: status.messages_delivered_total,
    messages_dropped_total: Object.values(status.messages_dropped_total).reduce((sum, dropped) => sum + dropped, 0),
  }
}
