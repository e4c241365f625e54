import { describe, expect, it } from 'vitest'

import { gapLabel, gapWords } from './gapWords.ts'
import { subjectFault } from './pattern.ts'

describe('gaps in words', () => {
  it('tells how much and why', () => {
    expect(gapWords({ lost: 12, reason: 'slow_consumer' })).toBe('missed 12 messages: this page read too slowly')
    expect(gapWords({ lost: 1, reason: 'policy' })).toBe('missed 1 message: a rule of the server held them back')
    expect(gapWords({ reason: 'session_gone' })).toContain('missed an unknown number of messages')
  })

  it('passes on a reason that it does not know', () => {
    expect(gapWords({ reason: 'moonlight' as 'policy' })).toContain('moonlight')
  })

  it('has a short form', () => {
    expect(gapLabel({ lost: 1200 })).toBe('missed 1,200')
    expect(gapLabel({})).toBe('missed some')
  })
})

describe('subjects and patterns', () => {
  it.each(['a', 'metrics.updated', 'a.b.c', 'é.ü', 'a*b.c>'])('takes the subject %s', (text) => {
    expect(subjectFault(text, 'subject')).toBeUndefined()
    expect(subjectFault(text, 'pattern')).toBeUndefined()
  })

  it.each(['*', '>', 'a.*', '*.b', 'a.>'])('takes the pattern %s, which is no subject', (text) => {
    expect(subjectFault(text, 'pattern')).toBeUndefined()
    expect(subjectFault(text, 'subject')).toBeTypeOf('string')
  })

  it.each(['', '.', 'a.', '.a', 'a..b', 'a b', 'a\tb', 'a\u007f', '>.a', 'x'.repeat(257), Array(17).fill('a').join('.')])(
    'does not take %j',
    (text) => expect(subjectFault(text, 'pattern')).toBeTypeOf('string'),
  )

  it('counts bytes, not letters', () => {
    expect(subjectFault('é'.repeat(128), 'subject')).toBeUndefined()
    expect(subjectFault('é'.repeat(129), 'subject')).toBeTypeOf('string')
  })
})
