// Which lines of a multipart's body are its boundary lines, by the usual reading and by the others: programs
// that take a line's beginning for the boundary (RFC 2046 5.1.1 allows it), that know no blanks after it, and that
// go on after the closing one.
import type { Lines } from './lines.js'

/** A stretch of lines: from this index to below that one. */
export type Stretch = { readonly from: number; readonly below: number }

export type BoundaryLines = {
  /** Of the usual reading: the lines before each part, then the closing one where there is one. */
  readonly usual: readonly number[]
  readonly isClosed: boolean
  /** What only other readings see, each with every line that it takes for a boundary. */
  readonly others: readonly OtherLines[]
}

/** The lines are made when they are asked for: many readings may wait. */
export type OtherLines = { readonly what: string; readonly lines: () => readonly number[]; readonly isClosed: boolean }

export function boundaryLines(lines: Lines, stretch: Stretch, boundary: string): BoundaryLines {
  const open = lines.idOfText.get(boundary) ?? -1
  const close = lines.idOfText.get(`${boundary}--`) ?? -1
  const exact: number[] = []
  let firstClose = -1
  let lastOpen = -1
  let tailCount = 0
  let beginningCount = 0
  let endsClosed = false
  for (let index = stretch.from; index < stretch.below; index++) {
    const id = lines.textIds[index]!
    if (id !== open && id !== close) {
      if (!lines.texts[id]!.startsWith(boundary)) continue
      beginningCount++
      endsClosed = false
      continue
    }
    if (id === close && firstClose < 0) firstClose = exact.length
    if (id === open) lastOpen = exact.length
    if (lines.hasBlankTail[index]) tailCount++
    endsClosed = id === close
    exact.push(index)
  }
  const isClosed = firstClose >= 0
  const others: OtherLines[] = []
  if (isClosed && lastOpen > firstClose) {
    others.push({ what: 'parts after the end boundary', lines: () => exact, isClosed: lastOpen < exact.length - 1 })
  }
  if (beginningCount > 0) {
    const isBeginning = (index: number) => lines.texts[lines.textIds[index]!]!.startsWith(boundary)
    const beginning = () => indexesOf(stretch).filter(isBeginning)
    others.push({ what: 'lines that only begin with the boundary', lines: beginning, isClosed: endsClosed })
  }
  if (tailCount > 0) {
    const strict = () => exact.filter(index => !lines.hasBlankTail[index])
    others.push({ what: 'blanks after the boundary', lines: strict, isClosed: false })
  }
  return { usual: isClosed ? exact.slice(0, firstClose + 1) : exact, isClosed, others }
}

export function indexesOf(stretch: Stretch): number[] {
  return Array.from({ length: stretch.below - stretch.from }, (_, index) => stretch.from + index)
}

/** The distinct texts of a stretch, as ids: which of many candidates occur at all. */
export function textIdsIn(lines: Lines, stretch: Stretch): Set<number> {
  const ids = new Set<number>()
  for (let index = stretch.from; index < stretch.below; index++) ids.add(lines.textIds[index]!)
  return ids
}
