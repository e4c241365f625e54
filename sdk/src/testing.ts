export { FakeTimers } from './testing/fake-timers'
