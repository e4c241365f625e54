/** A random token of `length` letters and digits. `crypto.randomUUID` exists on secure origins only; this works on any. */
export function randomToken(length = 10): string {
  const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789'
  const bytes = crypto.getRandomValues(new Uint8Array(length))
  return Array.from(bytes, (byte) => alphabet[byte % alphabet.length]).join('')
}

const QUALITIES = ['Amber', 'Brisk', 'Calm', 'Clear', 'Early', 'Green', 'Level', 'Quiet', 'Rapid', 'Silver', 'Steady', 'Swift']
const THINGS = ['Beacon', 'Branch', 'Buffer', 'Crossing', 'Gantry', 'Halt', 'Junction', 'Lamp', 'Lever', 'Points', 'Siding', 'Signal']

/** A name for a page, such as “Amber Junction”. */
export function randomName(): string {
  const [first = 0, second = 0] = crypto.getRandomValues(new Uint8Array(2))
  return `${QUALITIES[first % QUALITIES.length]} ${THINGS[second % THINGS.length]}`
}
