import { useLayoutEffect, useRef, type RefObject } from 'react'
import { useEffect } from 'react'

/** Layout effects do not run while rendering on a server, and older versions warn of them there. */
const useCommitEffect = typeof window === 'undefined' ? useEffect : useLayoutEffect

/** A box that holds the value of the last committed render. */
export function useLatestRef<T>(value: T): RefObject<T> {
  const ref = useRef(value)
  useCommitEffect(() => {
    ref.current = value
  })
  return ref
}
