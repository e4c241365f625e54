import { useEffect, useState } from 'react'

interface CopyButtonProps {
  text: string
  /** What is copied, in words. */
  what: string
}

const TOLD_MS = 2000

/** Copies a text. Browsers allow it on secure origins only; elsewhere the button says so. */
export function CopyButton({ text, what }: CopyButtonProps) {
  const [told, setTold] = useState<string>()
  useEffect(() => {
    if (told === undefined) return
    const timer = setTimeout(() => setTold(undefined), TOLD_MS)
    return () => clearTimeout(timer)
  }, [told])
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setTold('Copied')
    } catch {
      setTold('Not allowed here')
    }
  }
  return (
    <>
      <button type="button" className="button button--small copy" aria-label={`Copy ${what}`} onClick={() => void copy()}>
        {told ?? 'Copy'}
      </button>
      <span className="hidden-visually" role="status">
        {told}
      </span>
    </>
  )
}
