const SUBJECT_BYTES_MAX = 256
const TOKENS_MAX = 16

/** Why a text is no subject or pattern (protocol.md#P2.1, P2.2), or nothing if it is one. The server has the last word. */
export function subjectFault(text: string, as: 'subject' | 'pattern'): string | undefined {
  if (text === '') return `A ${as} needs at least one word.`
  if (new TextEncoder().encode(text).length > SUBJECT_BYTES_MAX) return `A ${as} has at most ${SUBJECT_BYTES_MAX} bytes.`
  const tokens = text.split('.')
  if (tokens.length > TOKENS_MAX) return `A ${as} has at most ${TOKENS_MAX} words.`
  for (const [at, token] of tokens.entries()) {
    if (token === '') return 'Between two dots there must be a word, and none at either end.'
    if (/[\u0000-\u0020\u007f]/.test(token)) return 'Spaces and control characters are not allowed.'
    if (as === 'subject' && (token === '*' || token === '>')) return '* and > stand in patterns only.'
    if (token === '>' && at !== tokens.length - 1) return '> stands for the rest, so it must be the last word.'
  }
  return undefined
}
