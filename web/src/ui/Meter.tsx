/** A share of a whole as a bar. The number stands beside it in words. */
export function Meter({ share }: { share: number }) {
  const width = `${(Math.min(1, Math.max(0, share)) * 100).toFixed(1)}%`
  return (
    <span className="meter" aria-hidden="true">
      <span style={{ width }} />
    </span>
  )
}
