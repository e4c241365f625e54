import type { Problem } from '../lib/api.ts'

/** What went wrong and what to do next. */
export function ProblemNote({ problem, children }: { problem: Problem; children?: React.ReactNode }) {
  const { title, detail, nextStep, pointer, status } = problem
  return (
    <div className="problem" role="alert">
      <p>
        <strong>{title}</strong>
        {status > 0 && ` (${status})`}: {detail}
        {pointer && (
          <>
            {' '}
            at <code>{pointer}</code>
          </>
        )}
        .
      </p>
      <p>{nextStep}</p>
      {children}
    </div>
  )
}
