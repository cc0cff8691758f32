// How large a translated pattern becomes when RE2 compiles it, told from its text: repeats count as often as they may
// repeat. Compiling takes time by this size (some 2 microseconds a unit), searching in the worst case too.

const PART =
  /\\[pP]\{[^}]*\}|\\x\{[^}]*\}|\\[^]|\[\^?(?:\\[^]|[^\]\\])*\]|\((?:\?[^:)<]*:|\?P?<[^>]*>|\?[^:)<]*\))?|\{(\d+)(?:,(\d*))?\}|[^]/gu

const SMALLEST = 10
const CLASS_SIZE = 4
/** Thousands of ranges. */
const PROPERTY_SIZE = 250

export function sizeOf(source: string): number {
  /** The sizes of the open groups, and of the last part in each: what a repeat repeats. */
  const sums: number[] = [SMALLEST]
  let last = 0
  for (const part of source.matchAll(PART)) {
    const [text, least, most] = part
    if (least !== undefined) {
      const times = Math.max(1, Number(least), Number(most ?? 0))
      add(sums, last * (times - 1))
      last *= times
    } else if (text === ')') {
      last = sums.length > 1 ? (sums.pop() ?? 0) : last
      add(sums, last)
    } else if (text.startsWith('(') && !text.endsWith(')')) sums.push(1)
    else {
      last = sizeOfPart(text)
      add(sums, last)
    }
  }
  return sums.reduce((sum, size) => sum + size, 0)
}

function add(sums: number[], size: number): void {
  sums.push((sums.pop() ?? 0) + size)
}

function sizeOfPart(text: string): number {
  const properties = text.match(/\\[pP]/g)?.length ?? 0
  if (properties > 0) return properties * PROPERTY_SIZE
  if (text.startsWith('[')) return CLASS_SIZE + Math.floor(text.length / CLASS_SIZE)
  return text === '.' || /^\\[DWS]$/.test(text) ? CLASS_SIZE : /^[*+?]$/.test(text) ? 0 : 1
}
