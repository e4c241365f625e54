import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matches } from '../src/index'

describe('matches', () => {
  it.each([
    ['a', 'a', true],
    ['a', 'A', false],
    ['a.b', 'a', false],
    ['a', 'a.b', false],
    ['*', 'a', true],
    ['*', 'a.b', false],
    ['>', 'a.b.c', true],
    ['a.>', 'a', false],
    ['a.>', 'a.b', true],
    ['a.>', 'a.b.c', true],
    ['a.*.c', 'a.b.c', true],
    ['a.*.c', 'a.b.d', false],
    ['a.*', 'a.b.c', false],
    ['a*.b', 'ax.b', false],
    ['a*.b', 'a*.b', true],
    ['>', '$SYS.a', false],
    ['*.a', '_INBOX.a', false],
    ['$SYS.>', '$SYS.a', true],
    ['_INBOX.*', '_INBOX.a', true],
    ['a.>', 'a.$b', true],
  ])('%s and %s: %s', (pattern, subject, expected) => {
    expect(matches(pattern, subject)).toBe(expected)
  })

  it('agrees with a regular expression', () => {
    const token = fc.constantFrom('a', 'b', 'c')
    const subject = fc.array(token, { minLength: 1, maxLength: 5 })
    const pattern = fc.tuple(fc.array(fc.oneof(token, fc.constant('*')), { minLength: 1, maxLength: 5 }), fc.boolean())
    fc.assert(
      fc.property(pattern, subject, ([tokens, tail], parts) => {
        const source = [...tokens.map((part) => (part === '*' ? '[^.]+' : part)), ...(tail ? ['.+'] : [])].join('\\.')
        expect(matches([...tokens, ...(tail ? ['>'] : [])].join('.'), parts.join('.'))).toBe(new RegExp(`^${source}$`).test(parts.join('.')))
      }),
      { numRuns: 2000 },
    )
  })
})
