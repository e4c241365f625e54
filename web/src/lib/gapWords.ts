import type { Gap } from 'pointsman'

import { count, plural } from './format.ts'

const REASONS: Record<Gap['reason'], string> = {
  slow_consumer: 'this page read too slowly',
  resend_overflow: 'the link was away for longer than the server keeps messages',
  session_gone: 'the server no longer held this session, so a new one began',
  backplane: 'the link between the server’s nodes was interrupted',
  policy: 'a rule of the server held them back',
}

/** A gap in one sentence: how much is missing, and why. */
export function gapWords(gap: Pick<Gap, 'lost' | 'reason'>): string {
  const why = (REASONS as Record<string, string | undefined>)[gap.reason] ?? `the server gave the reason “${gap.reason}”`
  if (gap.lost === undefined) return `missed an unknown number of messages: ${why}`
  return `missed ${plural(gap.lost, 'message')}: ${why}`
}

/** The same in two words, for a chart. */
export function gapLabel(gap: Pick<Gap, 'lost'>): string {
  return gap.lost === undefined ? 'missed some' : `missed ${count(gap.lost)}`
}
