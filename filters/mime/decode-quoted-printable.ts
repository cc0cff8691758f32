// Quoted-printable (RFC 2045 6.7), leniently: a wrong escape stays as it is, small hex digits count, blanks after a soft break's
// `=` and at a line's end are left out, and a CR alone ends a line as well.
import { NOTHING, type Decoder } from './decoder.js'

const EQUALS = 0x3d
const LF = 10
const CR = 13
/** Blanks that may still turn out to stand at a line's end are held back up to here. */
const MAX_HELD_BYTES = 4096

export class QuotedPrintableDecoder implements Decoder {
  readonly isDone = false
  private held: Buffer = NOTHING

  write(chunk: Buffer): Buffer {
    return this.decode(this.held.length > 0 ? Buffer.concat([this.held, chunk]) : chunk, false)
  }

  end(): Buffer {
    return this.decode(this.held, true)
  }

  /** What cannot be told yet, an escape or blanks at the end, is held back unless this is the last. */
  private decode(input: Buffer, isLast: boolean): Buffer {
    const out = Buffer.allocUnsafe(input.length)
    let length = 0
    let at = 0
    for (; at < input.length;) {
      const byte = input[at]!
      if (byte > EQUALS || (byte > 0x20 && byte < EQUALS)) {
        out[length++] = byte
        at++
      } else if (byte === 0x20 || byte === 9) {
        const end = Math.min(endOfBlanks(input, at), at + MAX_HELD_BYTES)
        const isLong = end - at === MAX_HELD_BYTES
        if (end === input.length && !isLast && !isLong) break
        const isAtLineEnd = !isLong && (end === input.length || input[end] === LF || input[end] === CR)
        if (!isAtLineEnd) for (let blank = at; blank < end; blank++) out[length++] = input[blank]!
        at = end
      } else if (byte === EQUALS) {
        const end = endOfEscape(input, at, isLast)
        if (end < 0) break
        const value = end === at + 3 ? hexByte(input, at) : -1
        if (value >= 0) out[length++] = value
        else if (end === 0) out[length++] = EQUALS
        at = end === 0 ? at + 1 : end
      } else {
        out[length++] = byte
        at++
      }
    }
    this.held = at < input.length ? Buffer.from(input.subarray(at)) : NOTHING
    return out.subarray(0, length)
  }
}

function endOfBlanks(input: Buffer, from: number): number {
  let end = from
  while (input[end] === 0x20 || input[end] === 9) end++
  return end
}

/** One past the escape or soft break that starts here; 0 when it is none, -1 when more input must tell. */
function endOfEscape(input: Buffer, from: number, isLast: boolean): number {
  if (hexByte(input, from) >= 0) return from + 3
  const end = endOfBlanks(input, from + 1)
  if (end - from > MAX_HELD_BYTES) return 0
  const canTell = isLast || end + 1 < input.length
  if (!canTell) return -1
  if (end >= input.length || input[end] === LF) return Math.min(end + 1, input.length)
  if (input[end] !== CR) return 0
  return input[end + 1] === LF ? end + 2 : end + 1
}

function hexByte(input: Buffer, from: number): number {
  const high = hexDigit(input[from + 1])
  const low = hexDigit(input[from + 2])
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
