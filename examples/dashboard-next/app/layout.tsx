import type { Metadata, Viewport } from 'next'
import type { ReactNode } from 'react'
import { Nav } from '@/components/Nav'
import './globals.css'

export const metadata: Metadata = { title: 'Live dashboard', description: 'A host and its router, live, on Next.js and Pointsman.' }

export const viewport: Viewport = { colorScheme: 'light dark' }

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <a className="skip" href="#content">
          Skip to the content
        </a>
        <header className="top">
          <span className="top__name">Live dashboard</span>
          <Nav />
        </header>
        {children}
      </body>
    </html>
  )
}
