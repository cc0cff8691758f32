// Reads the header of a message or part: its fields, where the body starts, and where other mail programs would let
// the body start, because they end a header at lines that the usual reading steps over. Never throws; bounded by
// MAX_HEADER_BYTES and MAX_HEADER_FIELDS.
import { isUtf8 } from 'node:buffer'
import type { HeaderField } from '../../mail/header.js'
import { MAX_HEADER_BYTES } from '../../mail/limits.js'
import type { ByteSource } from './byte-source.js'

export const MAX_HEADER_FIELDS = 20_000

/** A place where some programs end the header. */
export type HeaderEnd = { readonly what: string; readonly fieldCount: number; readonly bodyByte: number }

export type HeaderBlock = {
  readonly fields: HeaderField[]
  /** One past the header; the blank line comes next, where there is one. */
  readonly endByte: number
  readonly bodyByte: number
  readonly otherEnds: readonly HeaderEnd[]
  readonly isOverLimit: boolean
}

const LF = 10
const CR = 13
const SPACE = 32
const TAB = 9

/** The header that starts at this byte and ends with a blank line, or where its part or the limit ends. */
export async function readHeader(source: ByteSource, startByte: number, endByte: number): Promise<HeaderBlock> {
  const limit = Math.min(endByte, startByte + MAX_HEADER_BYTES)
  for (let wanted = 16 * 1024; ; wanted *= 8) {
    const windowEnd = source.isInMemory ? limit : Math.min(limit, startByte + wanted)
    const asked = source.at(startByte, windowEnd)
    const window = Buffer.isBuffer(asked) ? asked : await asked
    const blankEnd = endOfBlankLine(window)
    if (blankEnd >= 0) return new HeaderReader(window, blankEnd, startByte, false).read()
    if (windowEnd >= limit) return new HeaderReader(window, window.length, startByte, limit < endByte).read()
  }
}

/** One past the first blank line, -1 without one. A CR before the line end does not count. */
function endOfBlankLine(window: Buffer): number {
  if (window[0] === LF) return 1
  if (window[0] === CR && window[1] === LF) return 2
  const plain = window.indexOf('\n\n', 0, 'latin1')
  const withCr = (plain < 0 ? window : window.subarray(0, plain + 2)).indexOf('\n\r\n', 0, 'latin1')
  if (withCr >= 0) return withCr + 3
  return plain < 0 ? -1 : plain + 2
}

/** The names that decide what a part is. A field that only some programs take for one of these is still a field. */
const DECISIVE = new Set(['content-type', 'content-transfer-encoding', 'content-disposition'])

/** The name as the most lenient program reads it: without comments, blanks, NULs and bytes that no name has. */
export function lenientName(name: string): string {
  const bare = name.includes('(') ? name.replace(/\([^()]*\)?/g, '') : name
  return bare.replace(/[^\w-]+/g, '').toLowerCase()
}

type OpenField = { name: string; valueStart: number; start: number }

class HeaderReader {
  private readonly text: string
  private readonly fields: HeaderField[] = []
  private readonly otherEnds = new Map<string, HeaderEnd>()
  private open: OpenField | null = null
  /** Start of a line that is no field, while its continuation may still make it one. */
  private oddStart = -1
  private oddColon = -1
  private nextColon = -1
  private readonly isAscii: boolean

  constructor(
    window: Buffer,
    private readonly length: number,
    private readonly base: number,
    private readonly cutByLimit: boolean,
  ) {
    this.text = window.toString('latin1', 0, length)
    this.isAscii = !/[^\x00-\x7f]/.test(this.text)
  }

  read(): HeaderBlock {
    const { text, length } = this
    let at = /^>?From /.test(text.slice(0, 6)) ? this.lineEnd(0).next : 0
    let endAt = length
    let bodyAt = length
    while (at < length) {
      const { end, next } = this.lineEnd(at)
      if (end === at || (text.charCodeAt(at) === CR && /^\r+$/.test(text.slice(at, end)))) {
        endAt = at
        bodyAt = next
        break
      }
      this.line(at, end, next)
      at = next
      if (this.fields.length >= MAX_HEADER_FIELDS) {
        endAt = bodyAt = at
        break
      }
    }
    this.close(endAt)
    return {
      fields: this.fields,
      endByte: this.base + endAt,
      bodyByte: this.base + bodyAt,
      otherEnds: [...this.otherEnds.values()],
      isOverLimit: this.cutByLimit || this.fields.length >= MAX_HEADER_FIELDS,
    }
  }

  private lineEnd(at: number): { end: number; next: number } {
    const lineFeed = this.text.indexOf('\n', at)
    return lineFeed < 0 ? { end: this.length, next: this.length } : { end: lineFeed, next: lineFeed + 1 }
  }

  private line(at: number, end: number, next: number): void {
    const first = this.text.charCodeAt(at)
    if (first === SPACE || first === TAB) {
      if (/^[ \t\r]+$/.test(this.text.slice(at, end))) this.mayEnd('a line of blanks in the header', at, next)
      if (this.open !== null || this.oddStart >= 0) return
    }
    const colon = this.colonFrom(at)
    if (colon > at && colon < end) {
      const name = withoutTail(this.text.slice(at, colon))
      if (isName(name) || DECISIVE.has(lenientName(name))) {
        this.close(at)
        this.open = { name, valueStart: colon + 1, start: at }
        return
      }
    }
    this.close(at)
    this.mayEnd('no blank line before the body', at, at)
    this.oddStart = at
    this.oddColon = colon
  }

  private colonFrom(at: number): number {
    if (this.nextColon < at) {
      const colon = this.text.indexOf(':', at)
      this.nextColon = colon < 0 ? this.length : colon
    }
    return this.nextColon
  }

  /** Only the first of each kind: a program that stops at such lines stops at the first. */
  private mayEnd(what: string, at: number, bodyAt: number): void {
    if (this.otherEnds.has(what)) return
    const open = this.open && at > this.open.start ? 1 : 0
    this.otherEnds.set(what, { what, fieldCount: this.fields.length + open, bodyByte: this.base + bodyAt })
  }

  /** Ends the field that is being read, `at` being the start of the next line. */
  private close(at: number): void {
    if (this.open) {
      this.push(this.open, at)
      this.open = null
    } else if (this.oddStart >= 0) {
      // `Content-Type` and a colon on the next, folded line: programs that unfold first see a field.
      const colon = this.oddColon
      const name = colon < at ? this.text.slice(this.oddStart, colon) : ''
      if (DECISIVE.has(lenientName(name)))
        this.push({ name: withoutTail(name), valueStart: colon + 1, start: this.oddStart }, at)
    }
    this.oddStart = -1
  }

  private push(field: OpenField, end: number): void {
    const raw = this.text.slice(field.valueStart, end)
    const unfolded = withoutTail(withoutLineEnds(raw)).replace(/^[ \t]+/, '')
    this.fields.push({
      name: field.name,
      value: this.isAscii ? unfolded : decoded(unfolded),
      startByte: this.base + field.start,
      endByte: this.base + end,
    })
  }
}

/** RFC 5322 2.2: printable characters without blanks. Bytes above ASCII are seen in the names of spam. */
function isName(name: string): boolean {
  return /^[\x21-\x7e\x80-\xff]+$/.test(name)
}

/** Without each LF and the CRs before it. Not a pattern: one that begins with `\r*` is tried anew at every CR of a long run. */
function withoutLineEnds(raw: string): string {
  let kept = ''
  let from = 0
  for (let lineFeed = raw.indexOf('\n'); lineFeed >= 0; lineFeed = raw.indexOf('\n', from)) {
    let end = lineFeed
    while (end > from && raw.charCodeAt(end - 1) === CR) end--
    kept += raw.slice(from, end)
    from = lineFeed + 1
  }
  return kept + raw.slice(from)
}

/** Not trimEnd: 0xa0 is a blank in latin-1 and the second byte of many letters in UTF-8. */
function withoutTail(text: string): string {
  let end = text.length
  while (end > 0 && isBlank(text.charCodeAt(end - 1))) end--
  return end === text.length ? text : text.slice(0, end)
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB || code === CR || code === LF
}

function decoded(latin1: string): string {
  const bytes = Buffer.from(latin1, 'latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : latin1
}
