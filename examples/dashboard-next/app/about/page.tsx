import type { Metadata } from 'next'

export const metadata: Metadata = { title: 'About · Live dashboard' }

const FILES: [string, string][] = [
  ['app/(live)/layout.tsx', 'One client for a group of pages. Moving between them keeps the link; this page is outside, so the link is closed now.'],
  ['components/RouterCard.tsx', 'A server component asks the router for its status; client components take over from the same figures.'],
  ['components/CpuCard.tsx', 'useLatest with a selector: a card renders when its digits change, not for each message.'],
  ['components/CpuLine.tsx', 'useEvents keeps the last messages for the line; usePublish tells which span was chosen.'],
  ['components/LinkBar.tsx', 'useConnectionState shows how the link is.'],
  ['components/GapLine.tsx', 'What the router says was lost.'],
  ['app/api/announce/route.ts', 'The server publishes with a token that browsers never see.'],
]

export default function AboutPage() {
  return (
    <main id="content">
      <h1>About</h1>
      <p className="lead">This page is static and has no link. Go back to the overview, and one is opened.</p>
      <dl className="files">
        {FILES.map(([file, words]) => (
          <div key={file}>
            <dt>
              <code>{file}</code>
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </main>
  )
}
