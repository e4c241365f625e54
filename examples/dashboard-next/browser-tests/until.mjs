const POLL_MS = 50

/** Waits until `condition` gives something true, and gives that. The deadline is for a busy machine. */
export async function until(what, condition, deadlineMs = 60_000) {
  const end = performance.now() + deadlineMs
  for (;;) {
    const value = await condition()
    if (value) return value
    if (performance.now() > end) throw new Error(`Not within ${deadlineMs / 1000} s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
