import { beforeEach, expect, it, vi } from 'vitest'

import { createLinkSwitch } from './socketSwitch.ts'

/** A socket whose other end is the test. */
class RealSocket {
  static made: RealSocket[] = []
  onopen: ((event: Event) => void) | null = null
  onmessage: ((event: MessageEvent) => void) | null = null
  onerror: ((event: Event) => void) | null = null
  onclose: ((event: { code: number; reason: string; wasClean: boolean }) => void) | null = null
  readyState = 0
  protocol = 'pointsman.v1.json'
  sent: string[] = []
  closedWith: number | undefined
  constructor(readonly url: string) {
    RealSocket.made.push(this)
  }
  send(text: string) {
    this.sent.push(text)
  }
  close(code?: number) {
    this.closedWith = code ?? 1005
  }
  open() {
    this.readyState = 1
    this.onopen?.(new Event('open'))
  }
}

/** Browsers have it, Node does not. */
class CloseEventOfBrowsers extends Event {
  readonly code: number
  readonly wasClean: boolean
  constructor(type: string, { code, wasClean }: { code: number; wasClean: boolean }) {
    super(type)
    this.code = code
    this.wasClean = wasClean
  }
}
vi.stubGlobal('CloseEvent', CloseEventOfBrowsers)

let now = 0
const make = () => createLinkSwitch(RealSocket as unknown as new (url: string | URL) => WebSocket, () => now)

function heard(socket: WebSocket): string[] {
  const events: string[] = []
  socket.onopen = () => events.push('open')
  socket.onmessage = ({ data }) => events.push(`message ${String(data)}`)
  socket.onerror = () => events.push('error')
  socket.onclose = ({ code, wasClean }) => events.push(`close ${code} ${wasClean ? 'clean' : 'unclean'}`)
  return events
}

const settled = () => new Promise<void>((resolve) => setTimeout(resolve))

beforeEach(() => {
  now = 1000
  RealSocket.made = []
})

it('passes everything on while it is closed', () => {
  const { Socket } = make()
  const socket = new Socket('ws://h/v1/ws', ['pointsman.v1.json'])
  const events = heard(socket)
  const [real] = RealSocket.made
  real?.open()
  socket.send('hello')
  real?.onmessage?.(new MessageEvent('message', { data: 'there' }))
  real?.onclose?.({ code: 3001, reason: 'draining', wasClean: true })
  expect(real?.sent).toEqual(['hello'])
  expect(events).toEqual(['open', 'message there', 'close 3001 clean'])
  expect(socket.protocol).toBe('pointsman.v1.json')
})

it('drops what is sent while the other end closes', () => {
  const { Socket } = make()
  const socket = new Socket('ws://h/v1/ws')
  const [real] = RealSocket.made
  real?.open()
  if (real) real.readyState = 2
  socket.send('late')
  expect(real?.sent).toEqual([])
})

it('lets listeners hear as well as handlers', () => {
  const { Socket } = make()
  const socket = new Socket('ws://h/v1/ws')
  let opened = 0
  socket.addEventListener('open', () => (opened += 1))
  RealSocket.made[0]?.open()
  expect(opened).toBe(1)
})

it('cuts as a broken cable does, and keeps the session by the code that the server sees', async () => {
  const link = make()
  const socket = new link.Socket('ws://h/v1/ws')
  const events = heard(socket)
  const [real] = RealSocket.made
  real?.open()
  link.cut()
  real?.onmessage?.(new MessageEvent('message', { data: 'late' }))
  socket.send('late too')
  await settled()
  expect(events).toEqual(['open', 'error', 'close 1006 unclean'])
  expect(socket.readyState).toBe(3)
  expect(real?.closedWith).toBe(4000)
  expect(real?.sent).toEqual([])
})

it('fails attempts while it is held open, and lets them through afterwards', async () => {
  const link = make()
  link.cut(5000)
  expect(link.cutUntil).toBe(6000)
  const events = heard(new link.Socket('ws://h/v1/ws'))
  await settled()
  expect(events).toEqual(['error', 'close 1006 unclean'])
  expect(RealSocket.made).toHaveLength(0)
  now = 6000
  expect(link.cutUntil).toBe(0)
  new link.Socket('ws://h/v1/ws')
  expect(RealSocket.made).toHaveLength(1)
})

it('can be mended before its time', () => {
  const link = make()
  link.cut(5000)
  link.mend()
  expect(link.cutUntil).toBe(0)
  new link.Socket('ws://h/v1/ws')
  expect(RealSocket.made).toHaveLength(1)
})
