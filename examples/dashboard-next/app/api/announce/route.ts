import { publish } from '@/lib/router'
import { readBounded } from '@/lib/read-bounded'

const BODY_BYTES_MAX = 4096
const TEXT_LENGTH_MAX = 200

/**
 * Announces a text to every open dashboard. The token of the router's API stays here: browsers ask this program, and this program decides.
 * It takes every visitor of the page; a real program asks for its own session first.
 */
export async function POST(request: Request): Promise<Response> {
  // Browsers say where a request comes from; another site must not announce through somebody's browser.
  const site = request.headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin') return refusal(403, 'Only the dashboard itself may announce', 'Use its own form.')
  const body = await readBounded(request, BODY_BYTES_MAX)
  if (body === undefined) return refusal(413, `The request has more than ${BODY_BYTES_MAX} bytes`, 'Send a shorter text.')
  const text = textOf(body)
  if (!text || text.length > TEXT_LENGTH_MAX) {
    return refusal(422, `An announcement has 1 to ${TEXT_LENGTH_MAX} characters`, 'Send {"text":"…"} as JSON.')
  }
  const { problem } = await publish('dashboard.announcement', { at: Date.now(), text })
  return problem ? refusal(problem.status, problem.message, problem.next) : Response.json({ accepted: true })
}

function textOf(body: string): string | undefined {
  try {
    const { text } = JSON.parse(body) as { text?: unknown }
    return typeof text === 'string' ? text.trim() : undefined
  } catch {
    return undefined
  }
}

function refusal(status: number, message: string, next: string): Response {
  return Response.json({ message, next }, { status })
}
