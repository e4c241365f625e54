import { useId } from 'react'

interface SegmentsProps<T extends string | number> {
  label: string
  options: readonly { value: T; words: string }[]
  value: T
  onChange: (value: T) => void
}

/** A choice of a few, all in sight. */
export function Segments<T extends string | number>({ label, options, value, onChange }: SegmentsProps<T>) {
  const name = useId()
  return (
    <fieldset className="segments">
      <legend className="hidden-visually">{label}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input type="radio" name={name} checked={option.value === value} onChange={() => onChange(option.value)} />
          {option.words}
        </label>
      ))}
    </fieldset>
  )
}
