import { createClient } from 'pointsman'

import { getLinkToken } from '../lib/linkToken.ts'
import { socketUrl } from '../lib/place.ts'

/** The link of the tail. It opens with the first tail. */
export const client = createClient({
  url: socketUrl(),
  name: 'console',
  getToken: getLinkToken,
  reconnect: { maxDelayMs: 5000, probeDelayMs: 10_000 },
})
