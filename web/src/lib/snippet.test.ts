import { execFileSync } from 'node:child_process'

import { describe, expect, it } from 'vitest'

import { curlLine, readBody, readHeaders, requestOf, sdkSnippet, shellQuote } from './snippet.ts'

const draft = { subject: 'a.b', user: '', body: '{"n": 1}', headers: '' }

describe('body', () => {
  it('sends JSON as data, other text as text, nothing as nothing', () => {
    expect(readBody('{"n": 1}')).toEqual({ data: { n: 1 } })
    expect(readBody('null')).toEqual({ data: null })
    expect(readBody('hello')).toEqual({ text: 'hello' })
    expect(readBody(' \n')).toEqual({})
  })
})

describe('headers', () => {
  it('reads lines, and repeated names as lists', () => {
    expect(readHeaders('trace: abc\n\n x-y :  1:2 \ntrace: d')).toEqual({ headers: { trace: ['abc', 'd'], 'x-y': '1:2' } })
  })

  it.each(['no colon', ': value', 'two words: x'])('names the line %j as wrong', (line) => {
    expect(readHeaders(`a: b\n${line}`).wrong).toBe(line.trim())
  })

  it('is not led astray by names of the object prototype', () => {
    expect(readHeaders('constructor: x').headers).toEqual({ constructor: 'x' })
  })
})

it('makes a request of the form', () => {
  expect(requestOf({ subject: ' a.b ', user: ' ada ', body: '1', headers: 't: x' })).toEqual({ subject: 'a.b', user: 'ada', data: 1, headers: { t: 'x' } })
  expect(requestOf({ ...draft, body: '' })).toEqual({ subject: 'a.b' })
})

describe('curl', () => {
  it.each(["it's", '$HOME `id` "x" \\', '* > ?', 'two\nlines', 'é', '', '-x'])('quotes %j so that the shell gives it back', (text) => {
    const given = execFileSync('sh', ['-c', `printf %s ${shellQuote(text)}`], { encoding: 'utf8' })
    expect(given).toBe(text)
  })

  it('is one command whose last argument is the request', () => {
    const line = curlLine({ ...draft, body: "it's $HOME" }, 'http://127.0.0.1:1/v1/publish', false)
    const args = execFileSync('sh', ['-c', `curl() { printf '%s\\n' "$@"; }\n${line}`], { encoding: 'utf8' }).trim().split('\n')
    expect(args.slice(0, 3)).toEqual(['-X', 'POST', 'http://127.0.0.1:1/v1/publish'])
    expect(JSON.parse(args.at(-1) ?? '')).toEqual({ subject: 'a.b', text: "it's $HOME" })
  })

  it('never shows the token itself', () => {
    expect(curlLine(draft, 'http://h/v1/publish', true)).toContain('Bearer $POINTSMAN_API_TOKEN')
    expect(curlLine(draft, 'http://h/v1/publish', false)).not.toContain('Authorization')
  })
})

describe('SDK snippet', () => {
  it('publishes the same', () => {
    const code = sdkSnippet({ subject: 'a.b', user: 'ada', body: '{"n": [1]}', headers: 't: x' }, 'ws://h/v1/ws')
    const calls: unknown[] = []
    const client = { events: { publish: (...args: unknown[]) => calls.push(args) } }
    const body = code.replace(/^import .*$/m, '').replace('await ', '')
    new Function('createClient', body)((options: unknown) => (calls.push(options), client))
    expect(calls).toEqual([{ url: 'ws://h/v1/ws' }, ['$USER.ada.a.b', { n: [1] }, { headers: { t: 'x' } }]])
  })
})
