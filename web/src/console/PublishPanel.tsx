import { useState } from 'react'

import { apiToken, asProblem, call } from '../lib/api.ts'
import type { Problem } from '../lib/api.ts'
import { clock, plural } from '../lib/format.ts'
import { subjectFault } from '../lib/pattern.ts'
import { serverUrl, socketUrl } from '../lib/place.ts'
import { curlLine, readBody, readHeaders, requestOf, sdkSnippet } from '../lib/snippet.ts'
import type { Draft } from '../lib/snippet.ts'
import { useStore } from '../lib/store.ts'
import { CopyButton } from '../ui/CopyButton.tsx'
import { Panel } from '../ui/Panel.tsx'
import { ProblemNote } from '../ui/ProblemNote.tsx'
import { Segments } from '../ui/Segments.tsx'
import type { Published } from './types.ts'

const FIRST: Draft = { subject: 'demo.greeting', user: '', body: '{\n  "words": "hello"\n}', headers: '' }
const FORMS = [
  { value: 'curl', words: 'curl' },
  { value: 'sdk', words: 'SDK' },
] as const

/** Publishes by hand, and shows how a program would do the same. */
export function PublishPanel() {
  const [draft, setDraft] = useState(FIRST)
  const [busy, setBusy] = useState(false)
  const [told, setTold] = useState<{ words?: string; problem?: Problem }>({})
  const subject = subjectFault(draft.subject.trim(), 'subject')
  const { wrong } = readHeaders(draft.headers)
  const change = (field: keyof Draft) => (event: { target: { value: string } }) => setDraft({ ...draft, [field]: event.target.value })

  const publish = async () => {
    setBusy(true)
    try {
      const { results } = await call<Published>('v1/publish', { method: 'POST', body: requestOf(draft) })
      const to = results.map((result) => result.subject).join(', ')
      setTold({ words: `Accepted at ${clock(Date.now())}: ${plural(results.length, 'message')} to ${to}.` })
    } catch (thrown) {
      setTold({ problem: asProblem(thrown) })
    } finally {
      setBusy(false)
    }
  }
  return (
    <Panel title="Publish" anchor="publish">
      <div className="panel__body publish">
        <form
          className="publish__form"
          onSubmit={(event) => {
            event.preventDefault()
            void publish()
          }}
        >
          <div className="row publish__to">
            <label className="field grow">
              <span>Subject</span>
              <input className="input mono" value={draft.subject} spellCheck={false} aria-invalid={subject !== undefined} onChange={change('subject')} />
            </label>
            <label className="field grow">
              <span>User (only to this one)</span>
              <input className="input mono" value={draft.user} spellCheck={false} placeholder="everybody" onChange={change('user')} />
            </label>
          </div>
          <label className="field">
            <span>
              Body, sent as <b>{bodyKind(draft.body)}</b>
            </span>
            <textarea className="input mono" rows={5} value={draft.body} spellCheck={false} onChange={change('body')} />
          </label>
          <label className="field">
            <span>Headers, a line each: name: value</span>
            <textarea
              className="input mono"
              rows={2}
              value={draft.headers}
              spellCheck={false}
              aria-invalid={wrong !== undefined}
              onChange={change('headers')}
            />
          </label>
          <div className="row">
            <button type="submit" className="button button--main" disabled={busy || subject !== undefined || wrong !== undefined}>
              Publish
            </button>
            <p className="publish__told" role="status">
              {subject ?? (wrong === undefined ? told.words : `This line is no header: ${wrong}`)}
            </p>
          </div>
          {told.problem && <ProblemNote problem={told.problem} />}
        </form>
        <Snippets draft={draft} />
      </div>
    </Panel>
  )
}

function bodyKind(body: string): string {
  const read = readBody(body)
  return 'data' in read ? 'JSON' : 'text' in read ? 'text' : 'nothing'
}

function Snippets({ draft }: { draft: Draft }) {
  const token = useStore(apiToken)
  const [form, setForm] = useState<(typeof FORMS)[number]['value']>('curl')
  const code = form === 'curl' ? curlLine(draft, serverUrl('v1/publish').href, token !== '') : sdkSnippet(draft, socketUrl())
  return (
    <div className="publish__snippet">
      <div className="row">
        <Segments label="Form of the snippet" options={FORMS} value={form} onChange={setForm} />
        <span className="panel__end">
          <CopyButton text={code} what="the snippet" />
        </span>
      </div>
      <pre className="code scroll" tabIndex={0} aria-label="Snippet">
        {code}
      </pre>
    </div>
  )
}
