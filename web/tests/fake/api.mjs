// docs/http.md
import { publicationOf } from './session.mjs'
import { isSubject } from './subjects.mjs'

const NEXT = {
  unauthenticated: 'Send `Authorization: Bearer <token>` with the token of `api.token`, or set `api.anonymous = true` for development.',
  not_found: 'GET /v1/connections lists them.',
  bad_subject: 'Correct the request; sending it again as it is gives the same answer.',
  bad_request: 'Correct the field; docs/http.md lists what is taken.',
}

function problem(response, status, code, reason, detail, pointer) {
  response.writeHead(status, { 'Content-Type': 'application/problem+json' })
  response.end(
    JSON.stringify({
      type: `urn:pointsman:error:${reason}`,
      title: reason.replaceAll('_', ' '),
      status,
      detail,
      code,
      reason,
      next_step: NEXT[reason],
      ...(pointer && { pointer }),
    }),
  )
}

function json(response, value) {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }).end(JSON.stringify(value))
}

async function bodyOf(request) {
  let text = ''
  for await (const part of request) text += part
  return text
}

export async function api({ request, response, router, metrics, apiToken }) {
  const url = new URL(request.url, 'http://fake')
  if (url.pathname.startsWith('/fake/')) return control(url.pathname.slice(6), await bodyOf(request), router, metrics, response)
  if (apiToken && request.headers.authorization !== `Bearer ${apiToken}`) {
    const detail = request.headers.authorization ? 'the token is not the one of this API' : 'the API needs a token'
    return problem(response, 401, 112, 'unauthenticated', detail)
  }
  if (url.pathname === '/v1/status') return json(response, status(router))
  if (url.pathname === '/v1/publish' && request.method === 'POST') return publish(await bodyOf(request), router, response)
  if (url.pathname === '/v1/connections') return list(url.searchParams, router, response)
  const session = router.sessions.get(/^\/v1\/connections\/([^/]+)$/.exec(url.pathname)?.[1])
  if (!session) return problem(response, 404, 113, 'not_found', `there is no session at \`${url.pathname}\``)
  if (request.method !== 'DELETE') return json(response, connection(session, true))
  session.close(3504, 'kicked', 'an operator closed this session')
  response.writeHead(204).end()
}

function status(router) {
  const { counts } = router
  return {
    node: 'fake',
    version: '0.1.0',
    uptime_seconds: Math.floor((Date.now() - router.started) / 1000),
    ready: true,
    connections: router.links(),
    sessions: router.sessions.size,
    subscriptions: router.subscriptions(),
    messages_received_total: counts.received,
    messages_delivered_total: counts.delivered,
    messages_dropped_total: { slow_consumer: counts.slowConsumer, policy: 0, backplane: 0 },
    bytes_received_total: counts.receivedBytes,
    bytes_delivered_total: counts.deliveredBytes,
    backplane: { kind: 'memory', state: 'up' },
    memory_bytes: process.memoryUsage().rss,
  }
}

function connection(session, withList = false) {
  return {
    session: session.id,
    user: null,
    name: session.name,
    link: 'websocket',
    codec: 'json',
    address: session.address,
    connected_ms_ago: Date.now() - session.connected,
    attached: Boolean(session.link),
    subscriptions: session.subscriptions.size,
    pending_messages: 0,
    pending_bytes: 0,
    received_messages: session.received,
    delivered_messages: session.delivered,
    ...(withList && {
      subscription_list: [...session.subscriptions].map(([sid, { pattern }]) => ({ sid, pattern, queue: null })),
    }),
  }
}

function list(query, router, response) {
  const limit = Number(query.get('limit') ?? 100)
  const after = Number(query.get('after') ?? 0)
  const all = [...router.sessions.values()]
  const page = all.slice(after, after + limit)
  json(response, {
    connections: page.map((session) => connection(session)),
    total: all.length,
    next: page.length === limit ? after + limit : null,
  })
}

function publish(body, router, response) {
  let message
  try {
    message = JSON.parse(body)
  } catch (error) {
    return problem(response, 400, 114, 'bad_request', String(error.message))
  }
  const { user } = message
  if (user && !isSubject(`${user}`.replaceAll('.', ' '))) {
    return problem(response, 422, 114, 'bad_request', `\`${user}\` cannot be a user's name`, '/user')
  }
  if (!isSubject(message.subject)) return problem(response, 422, 102, 'bad_subject', `\`${message.subject}\` is no subject`, '/subject')
  const subject = user ? `$USER.${user}.${message.subject}` : message.subject
  router.publish(publicationOf({ ...message, subject }))
  json(response, { accepted: 1, results: [{ subject, ok: true }] })
}

/** What a test cannot bring about from a page. */
function control(what, body, router, metrics, response) {
  const given = body === '' ? {} : JSON.parse(body)
  if (what === 'gap') {
    for (const session of router.sessions.values()) {
      const sids = [...session.subscriptions].filter(([, { pattern }]) => pattern === given.pattern).map(([sid]) => sid)
      if (sids.length > 0) session.send({ op: 'gap', sids, ...(given.lost !== undefined && { lost: given.lost }), reason: given.reason })
    }
    router.counts.slowConsumer += given.lost ?? 0
  } else if (what === 'status') {
    router.publish({ subject: 'system.status.changed', body: { data: { at: Date.now(), ...given } } })
  } else if (what === 'metrics') {
    metrics.pause(given.paused === true)
  }
  response.writeHead(204).end()
}
