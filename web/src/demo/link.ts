import { createClient } from 'pointsman'

import { getLinkToken } from '../lib/linkToken.ts'
import { socketUrl } from '../lib/place.ts'
import { randomName, randomToken } from '../lib/random.ts'
import { createLinkSwitch } from '../lib/socketSwitch.ts'

/** What tells this page from the others that are open. */
export const pageId = randomToken(8)
export const pageName = randomName()

/** The switch in the link; the buttons of the page work it. */
export const linkSwitch = createLinkSwitch()

export const client = createClient({
  url: socketUrl(),
  name: `dashboard ${pageName}`,
  getToken: getLinkToken,
  WebSocket: linkSwitch.Socket,
  // A dashboard stays open for days: after the first attempts it goes on trying, but not so seldom that one waits for it.
  reconnect: { maxDelayMs: 5000, probeDelayMs: 5000 },
})
