// protocol.md#P2
const reserved = (token) => token.startsWith('$') || token.startsWith('_')

export function isSubject(text, asPattern = false) {
  if (typeof text !== 'string' || text === '' || Buffer.byteLength(text) > 256) return false
  const tokens = text.split('.')
  return (
    tokens.length <= 16 &&
    tokens.every((token, at) => {
      if (token === '' || /[\u0000-\u0020\u007f]/.test(token)) return false
      if (token === '*') return asPattern
      if (token === '>') return asPattern && at === tokens.length - 1
      return true
    })
  )
}

export function matches(pattern, subject) {
  const parts = pattern.split('.')
  const tokens = subject.split('.')
  if (reserved(tokens[0]) && (parts[0] === '*' || parts[0] === '>')) return false
  for (const [at, part] of parts.entries()) {
    if (part === '>') return tokens.length > at
    if (at >= tokens.length || (part !== '*' && part !== tokens[at])) return false
  }
  return parts.length === tokens.length
}

export function isReserved(subject) {
  return reserved(subject)
}
