import { PointsmanError } from './error'

const BYTES_MAX = 256
const TOKENS_MAX = 16
/** Space, control characters and halves of surrogate pairs, which have no UTF-8. */
const FORBIDDEN = /[\0-\x20\x7f\p{Cs}]/u

/** Throws `bad_subject` or `bad_pattern` unless `text` is one (protocol.md#P2). */
export function check(text: string, kind: 'subject' | 'pattern'): void {
  const tokens = text.split('.')
  const subject = kind === 'subject'
  const wrong =
    FORBIDDEN.test(text) ||
    tokens.length > TOKENS_MAX ||
    (text.length * 3 > BYTES_MAX && new TextEncoder().encode(text).length > BYTES_MAX) ||
    tokens.some((token, at) => token === '' || (token === '*' ? subject : token === '>' && (subject || at < tokens.length - 1)))
  if (wrong) {
    throw new PointsmanError(`bad_${kind}`, `\`${text}\` is not a ${kind}`, {
      remediation: 'Use 1 to 16 tokens joined by ".", at most 256 bytes, without spaces; "*" (one token) and ">" (the rest) only in patterns.',
    })
  }
}

/** Whether `pattern` matches `subject`; both are taken to be valid (protocol.md#P2.2, P2.3). */
export function matches(pattern: string, subject: string): boolean {
  if (pattern === subject) return true
  const parts = pattern.split('.')
  const tokens = subject.split('.')
  if (/^[$_]/.test(subject) && /^[*>]$/.test(parts[0] ?? '')) return false
  for (const [at, part] of parts.entries()) {
    if (at >= tokens.length) return false
    if (part === '>' && at === parts.length - 1) return true
    if (part !== '*' && part !== tokens[at]) return false
  }
  return parts.length === tokens.length
}
