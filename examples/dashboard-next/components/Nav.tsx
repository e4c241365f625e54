'use client'

import type { Route } from 'next'
import Link from 'next/link'
import { usePathname } from 'next/navigation'

const PAGES: { href: Route; title: string }[] = [
  { href: '/', title: 'Overview' },
  { href: '/activity', title: 'Activity' },
  { href: '/about', title: 'About' },
]

/** The pages of this program. */
export function Nav() {
  const here = usePathname()
  return (
    <nav aria-label="Pages">
      {PAGES.map(({ href, title }) => (
        <Link key={href} href={href} aria-current={href === here ? 'page' : undefined}>
          {title}
        </Link>
      ))}
    </nav>
  )
}
