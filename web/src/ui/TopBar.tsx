import type { ReactNode } from 'react'

import mark from './mark.svg'
import { ThemeToggle } from './ThemeToggle.tsx'

const PAGES = [
  { name: 'Dashboard', href: './demo' },
  { name: 'Console', href: './console' },
] as const

interface TopBarProps {
  current: (typeof PAGES)[number]['name']
  children: ReactNode
}

/** The head of every page: where one is, where one can go, how the link is. */
export function TopBar({ current, children }: TopBarProps) {
  return (
    <header className="topbar">
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <div className="topbar__mark">
        <img src={mark} alt="" width="24" height="24" />
        <span className="topbar__name">Pointsman</span>
      </div>
      <nav aria-label="Pages">
        {PAGES.map(({ name, href }) => (
          <a key={name} href={href} aria-current={name === current ? 'page' : undefined}>
            {name}
          </a>
        ))}
      </nav>
      <div className="topbar__end">
        {children}
        <ThemeToggle />
      </div>
    </header>
  )
}
