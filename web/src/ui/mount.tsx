import '../style/tokens.css'
import '../style/base.css'
import '../style/parts.css'

import { StrictMode } from 'react'
import type { ReactNode } from 'react'
import { createRoot } from 'react-dom/client'

export function mount(page: ReactNode): void {
  const root = document.getElementById('root')
  if (!root) throw new Error('the page has no element #root to draw into')
  createRoot(root).render(<StrictMode>{page}</StrictMode>)
}
