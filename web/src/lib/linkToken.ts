import { Store } from './store.ts'

const KEY = 'pointsman.link-token'

function remembered(): string {
  try {
    return sessionStorage.getItem(KEY) ?? ''
  } catch {
    // Storage may be switched off; the token then holds until the page is left.
    return ''
  }
}

/** The token that the WebSocket link shows, where the server wants one; kept until the tab is closed. */
export const linkToken = new Store(remembered())

export function setLinkToken(token: string): void {
  try {
    sessionStorage.setItem(KEY, token)
  } catch {
    // As above.
  }
  linkToken.set(token)
}

/** For `createClient`. */
export function getLinkToken(): string | undefined {
  return linkToken.get() || undefined
}
