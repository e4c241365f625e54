import { Store } from './store.ts'

export type ThemeChoice = 'auto' | 'light' | 'dark'

const KEY = 'pointsman.theme'
const dark = window.matchMedia('(prefers-color-scheme: dark)')

function remembered(): ThemeChoice {
  try {
    const choice = localStorage.getItem(KEY)
    return choice === 'light' || choice === 'dark' ? choice : 'auto'
  } catch {
    // Storage may be switched off; the page then follows the system.
    return 'auto'
  }
}

/** What the reader chose. */
export const themeChoice = new Store<ThemeChoice>(remembered())

/** What is shown. Charts watch it: a canvas does not follow style sheets by itself. */
export const theme = new Store<'light' | 'dark'>('light')

function apply(): void {
  const choice = themeChoice.get()
  const shown = choice === 'auto' ? (dark.matches ? 'dark' : 'light') : choice
  document.documentElement.dataset['theme'] = shown
  theme.set(shown)
}

export function chooseTheme(choice: ThemeChoice): void {
  try {
    localStorage.setItem(KEY, choice)
  } catch {
    // Without storage the choice holds until the page is left.
  }
  themeChoice.set(choice)
  apply()
}

dark.addEventListener('change', apply)
apply()
