// One pass over the whole message for the few lines that decide its structure: those that begin with `--` (any of them
// may be a boundary), and those that begin a uuencoded or BinHex file in the middle of text. Everything later
// looks lines up here, so that no reading has to go over the bytes again.
import { CHUNK_BYTES } from '../../mail/limits.js'
import type { ByteSource } from './byte-source.js'

/** What a line is told by; more of it is not kept. RFC 2046 allows a boundary 70 characters. */
export const MAX_BOUNDARY_BYTES = 1000
/** Lines that begin with `--`, and lines that begin a file in text. More is an attack, not a mail. */
export const MAX_DASH_LINES = 200_000
export const MAX_EMBEDDED_FILES = 1000

export type Lines = {
  /** Of each line that begins with `--`, in order: where it starts. */
  readonly starts: number[]
  /** Where the line after it starts; -1 where the line was too long to see its end. */
  readonly nexts: number[]
  /** Which text follows the dashes, without blanks at its end (latin-1). */
  readonly textIds: number[]
  readonly hasBlankTail: boolean[]
  readonly texts: string[]
  readonly idOfText: Map<string, number>
  /** Where lines start that begin a file within text. */
  readonly embeddedStarts: number[]
  hasBareCr: boolean
  overLimit: 'MAX_DASH_LINES' | 'MAX_EMBEDDED_FILES' | null
}

/** A window must hold this much behind a line's start to tell it, unless the message ends before. */
const LOOK_AHEAD_BYTES = MAX_BOUNDARY_BYTES + 24
const FILE_WINDOW_BYTES = 4 * CHUNK_BYTES
const EMBEDDED = ['\nbegin', '\n(This file must be', '\n=ybegin '] as const
const CR = 13
const LF = 10

export async function findLines(source: ByteSource): Promise<Lines> {
  const lines: Lines = {
    starts: [],
    nexts: [],
    textIds: [],
    hasBlankTail: [],
    texts: [],
    idOfText: new Map(),
    embeddedStarts: [],
    hasBareCr: false,
    overLimit: null,
  }
  const first = source.at(0, LOOK_AHEAD_BYTES)
  const head = Buffer.isBuffer(first) ? first : await first
  if (head[0] === 0x2d && head[1] === 0x2d) addDashLine(lines, head, 0, 0)
  if (head.toString('latin1', 0, 6) === 'begin ') lines.embeddedStarts.push(0)
  for (let start = 0; start < source.sizeBytes;) {
    const asked = source.at(start, windowEnd(source, start))
    const window = Buffer.isBuffer(asked) ? asked : await asked
    const isLast = start + window.length >= source.sizeBytes
    const scanned = isLast ? window.length : window.length - LOOK_AHEAD_BYTES
    scan(lines, window, start, scanned)
    if (isLast || window.length === 0) break
    start += scanned
  }
  lines.embeddedStarts.sort((a, b) => a - b)
  return lines
}

/** A source in memory gives everything at once for the asking; a file is asked in windows. */
function windowEnd(source: ByteSource, start: number): number {
  return source.isInMemory ? source.sizeBytes : start + FILE_WINDOW_BYTES
}

/** Looks at the line ends in the first `scanned` bytes of the window. */
function scan(lines: Lines, window: Buffer, base: number, scanned: number): void {
  for (
    let at = window.indexOf('\n--', 0, 'latin1');
    at >= 0 && at < scanned;
    at = window.indexOf('\n--', at + 1, 'latin1')
  ) {
    if (lines.starts.length >= MAX_DASH_LINES) {
      lines.overLimit = 'MAX_DASH_LINES'
      break
    }
    addDashLine(lines, window, at + 1, base)
  }
  for (const needle of EMBEDDED) {
    for (
      let at = window.indexOf(needle, 0, 'latin1');
      at >= 0 && at < scanned;
      at = window.indexOf(needle, at + 1, 'latin1')
    ) {
      if (lines.embeddedStarts.length >= MAX_EMBEDDED_FILES) {
        lines.overLimit ??= 'MAX_EMBEDDED_FILES'
        break
      }
      lines.embeddedStarts.push(base + at + 1)
    }
  }
  for (let at = window.indexOf(CR); !lines.hasBareCr && at >= 0 && at < scanned; at = window.indexOf(CR, at + 1)) {
    if (window[at + 1] !== LF) lines.hasBareCr = true
  }
}

function addDashLine(lines: Lines, window: Buffer, at: number, base: number): void {
  const lookedAt = window.subarray(at, at + LOOK_AHEAD_BYTES)
  const lineFeed = lookedAt.indexOf(LF)
  const lineEnd = lineFeed < 0 ? lookedAt.length : lineFeed
  let textEnd = lineEnd
  let hasBlankTail = false
  while (textEnd > 2 && lookedAt[textEnd - 1]! <= 0x20) {
    textEnd--
    if (lookedAt[textEnd] !== CR) hasBlankTail = true
  }
  const text = lookedAt.toString('latin1', 2, textEnd)
  let id = lines.idOfText.get(text)
  if (id === undefined) {
    id = lines.texts.push(text) - 1
    lines.idOfText.set(text, id)
  }
  lines.starts.push(base + at)
  lines.nexts.push(
    lineFeed < 0 ? (lookedAt.length < LOOK_AHEAD_BYTES ? base + at + lineEnd : -1) : base + at + lineFeed + 1,
  )
  lines.textIds.push(id)
  lines.hasBlankTail.push(hasBlankTail)
}

/** Where the line after this one starts. A line too long to be told by its beginning is followed to its end only now. */
export async function lineAfter(source: ByteSource, lines: Lines, index: number): Promise<number> {
  const known = lines.nexts[index] ?? source.sizeBytes
  if (known >= 0) return known
  let at = lines.starts[index] ?? source.sizeBytes
  while (at < source.sizeBytes) {
    const window = await source.at(at, at + CHUNK_BYTES)
    const lineFeed = window.indexOf(LF)
    at += lineFeed < 0 ? window.length : lineFeed + 1
    if (lineFeed >= 0 || window.length === 0) break
  }
  lines.nexts[index] = at
  return at
}

/** The first line that starts at this byte or after it. */
export function firstLineFrom(lines: Lines, startByte: number): number {
  let low = 0
  let high = lines.starts.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((lines.starts[middle] ?? 0) < startByte) low = middle + 1
    else high = middle
  }
  return low
}
