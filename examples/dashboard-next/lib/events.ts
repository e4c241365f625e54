import type { DefaultEvents } from 'pointsman'

/** Said to everybody who has the dashboard open. `at` is in milliseconds since 1970. */
export interface Announcement {
  at: number
  text: string
}

/** Subjects of this program and what they carry, on top of those that every node knows. */
export interface AppEvents extends DefaultEvents {
  'dashboard.announcement': Announcement
}

declare module 'pointsman' {
  interface Register {
    events: AppEvents
  }
}
