// Variables in text: `$NAME`, `${NAME}`, `$1`. In goes text as it stands between quotes or slashes, out go its segments.
// A backslash keeps what follows it as it is, and stays (so does maildrop; `echo` and patterns take it away later).
import type { Segment } from './ast.js'

/** The bound on names keeps a row of unclosed `${` from being searched to its end each time. */
const REFERENCE = /\\[^]|\$(?:\{([^\s}]{0,256})\}|([A-Za-z0-9_]+))/g

export function segmentsOf(text: string): Segment[] {
  const segments: Segment[] = []
  let from = 0
  for (const reference of text.matchAll(REFERENCE)) {
    const variable = reference[1] ?? reference[2]
    if (variable === undefined) continue
    if (reference.index > from) segments.push(text.slice(from, reference.index))
    segments.push({ variable })
    from = reference.index + reference[0].length
  }
  if (from < text.length) segments.push(text.slice(from))
  return segments
}

/** The text itself when no variable stands in it, else null. */
export function constantText(segments: readonly Segment[]): string | null {
  const [first, second] = segments
  if (first === undefined) return ''
  return typeof first === 'string' && second === undefined ? first : null
}
