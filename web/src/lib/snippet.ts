/** What is to be published, as the form holds it. */
export interface Draft {
  subject: string
  user: string
  body: string
  headers: string
}

export type Body = { data: unknown } | { text: string } | Record<string, never>

export interface PublishRequest {
  subject: string
  user?: string
  data?: unknown
  text?: string
  headers?: Record<string, string | string[]>
}

/** JSON goes as `data`, anything else as `text`, an empty field as an empty body. */
export function readBody(body: string): Body {
  if (body.trim() === '') return {}
  try {
    return { data: JSON.parse(body) as unknown }
  } catch {
    return { text: body }
  }
}

/** Reads lines of `Name: value`; a name that stands twice has two values. Gives the first line that is none as `wrong`. */
export function readHeaders(text: string): { headers: Record<string, string | string[]>; wrong?: string } {
  const headers = new Map<string, string | string[]>()
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '') continue
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).trim()
    if (colon < 1 || !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) return { headers: Object.fromEntries(headers), wrong: line }
    const value = line.slice(colon + 1).trim()
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : [before, value].flat())
  }
  return { headers: Object.fromEntries(headers) }
}

export function requestOf(draft: Draft): PublishRequest {
  const { headers } = readHeaders(draft.headers)
  return {
    subject: draft.subject.trim(),
    ...(draft.user.trim() !== '' && { user: draft.user.trim() }),
    ...readBody(draft.body),
    ...(Object.keys(headers).length > 0 && { headers }),
  }
}

/** One argument of a POSIX shell, taken literally. */
export function shellQuote(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** The same publication by `curl`. */
export function curlLine(draft: Draft, url: string, withToken: boolean): string {
  const lines = [
    `curl -X POST ${shellQuote(url)}`,
    ...(withToken ? [`-H "Authorization: Bearer $POINTSMAN_API_TOKEN"`] : []),
    `-H 'Content-Type: application/json'`,
    `-d ${shellQuote(JSON.stringify(requestOf(draft)))}`,
  ]
  return lines.join(' \\\n  ')
}

function indent(text: string, by: string): string {
  return text.split('\n').join(`\n${by}`)
}

/** The same publication by the SDK. */
export function sdkSnippet(draft: Draft, url: string): string {
  const request = requestOf(draft)
  const subject = request.user === undefined ? request.subject : `$USER.${request.user}.${request.subject}`
  const body = 'data' in request ? request.data : request.text
  const data = body === undefined ? 'undefined' : indent(JSON.stringify(body, null, 2), '')
  const options = request.headers ? `, {\n  headers: ${indent(JSON.stringify(request.headers, null, 2), '  ')},\n}` : ''
  return [
    `import { createClient } from 'pointsman'`,
    ``,
    `const client = createClient({ url: ${JSON.stringify(url)} })`,
    `await client.events.publish(${JSON.stringify(subject)}, ${data}${options})`,
  ].join('\n')
}
