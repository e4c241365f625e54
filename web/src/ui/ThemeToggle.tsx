import { useStore } from '../lib/store.ts'
import { chooseTheme, themeChoice } from '../lib/theme.ts'
import type { ThemeChoice } from '../lib/theme.ts'
import { AutoIcon, MoonIcon, SunIcon } from './icons.tsx'

const NEXT: Record<ThemeChoice, ThemeChoice> = { auto: 'light', light: 'dark', dark: 'auto' }
const WORDS: Record<ThemeChoice, string> = { auto: 'as the system', light: 'light', dark: 'dark' }
const ICONS: Record<ThemeChoice, () => React.ReactElement> = { auto: AutoIcon, light: SunIcon, dark: MoonIcon }

/** Goes round: as the system says, light, dark. */
export function ThemeToggle() {
  const choice = useStore(themeChoice)
  const Icon = ICONS[choice]
  const words = `Theme: ${WORDS[choice]}. Change to ${WORDS[NEXT[choice]]}`
  return (
    <button type="button" className="button button--bare" aria-label={words} title={words} onClick={() => chooseTheme(NEXT[choice])}>
      <Icon />
    </button>
  )
}
