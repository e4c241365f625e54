// @vitest-environment happy-dom
import { cleanup, fireEvent, render, waitFor } from '@testing-library/react'
import { EventsProvider, useEvent } from 'pointsman/react'
import { createTestClient, type TestClient } from 'pointsman/testing'
import { Activity, StrictMode } from 'react'
import { afterEach, expect, it } from 'vitest'
import { AnnouncementLine } from '@/components/AnnouncementLine'
import { GapLine } from '@/components/GapLine'
import { LinkBar } from '@/components/LinkBar'
import { useClientLifetime } from '@/components/use-client-lifetime'
import { renderLive } from './live'

afterEach(cleanup)

function Listener() {
  useEvent('a.b', () => {})
  return null
}

function Owner({ test }: { test: TestClient }) {
  useClientLifetime(test.client)
  return (
    <EventsProvider client={test.client}>
      <Listener />
    </EventsProvider>
  )
}

const parts = (
  <>
    <LinkBar />
    <AnnouncementLine />
    <GapLine />
  </>
)

it('tells each state of the link, and the gaps on it', async () => {
  const live = await renderLive(parts)
  const badge = () => live.container.querySelector('.badge')?.textContent
  expect(badge()).toBe('Connected')
  live.router.gap('dashboard.announcement', { reason: 'slow_consumer', lost: 3 })
  await live.idle()
  expect(live.getByText('1 gap: 3 messages are missing, because this page read too slowly (dashboard.announcement)')).toBeTruthy()
  live.router.network.partition()
  live.router.network.cut()
  await live.idle()
  expect(badge()).toBe('Reconnecting')
  await live.advance(600_000)
  expect(badge()).toBe('Degraded')
  live.router.network.heal()
  fireEvent.click(live.getByRole('button', { name: 'Try now' }))
  await live.idle()
  expect(badge()).toBe('Connected')
})

it('says why the router refuses the link', async () => {
  const live = await renderLive(parts)
  live.router.authenticate = () => ({ reason: 'unauthenticated', message: 'The token is not known' })
  live.router.restart()
  await live.advance(10_000)
  expect(live.container.querySelector('.badge')?.textContent).toBe('Failed')
  expect(live.getByText(/The token is not known/)).toBeTruthy()
})

it('shows the last announcement, and passes over what is none', async () => {
  const live = await renderLive(parts)
  live.router.publish('dashboard.announcement', { at: Date.now(), text: 'Doors open' })
  live.router.publish('dashboard.announcement', 'no announcement')
  await live.idle()
  expect(live.getByText('Doors open')).toBeTruthy()
})

it('opens one link in StrictMode, and leaves nothing at the router', async () => {
  const test = createTestClient()
  const view = render(
    <StrictMode>
      <Owner test={test} />
    </StrictMode>,
  )
  await test.idle()
  expect(test.router.network.dials).toBe(1)
  expect(test.router.sessions).toBe(1)
  view.unmount()
  await waitFor(() => expect(test.connection.state).toBe('closed'))
  await test.idle()
  expect(test.router.sessions).toBe(0)
  expect(test.router.network.links.size).toBe(0)
})

it('opens the link again when the same component comes back', async () => {
  const test = createTestClient()
  const tree = (mode: 'visible' | 'hidden') => (
    <Activity mode={mode}>
      <Owner test={test} />
    </Activity>
  )
  const view = render(tree('visible'))
  await test.idle()
  view.rerender(tree('hidden'))
  await waitFor(() => expect(test.connection.state).toBe('closed'))
  view.rerender(tree('visible'))
  await waitFor(() => expect(test.connection.state).not.toBe('closed'))
  await test.idle()
  expect(test.connection.state).toBe('connected')
  expect(test.router.subscriptions.map(({ pattern }) => pattern)).toEqual(['a.b'])
})
