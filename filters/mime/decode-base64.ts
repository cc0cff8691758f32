// Base64 (RFC 2045 6.8) as mail programs read it: every character outside the alphabet is skipped, the end needs no padding,
// and after padding a new group begins, so that base64 strung together comes out whole. To some programs padding is one
// more character to skip.
import { NOTHING, type Decoder } from './decoder.js'

const JUNK = 64
const PADDING = 65
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const VALUES = new Uint8Array(256).fill(JUNK)
for (const [value, character] of ALPHABET.split('').entries()) {
  VALUES[character.charCodeAt(0)] = value
}
VALUES[0x3d] = PADDING

export class Base64Decoder implements Decoder {
  readonly isDone = false
  private bits = 0
  private count = 0
  private readonly isPaddingJunk: boolean

  constructor({ isPaddingJunk } = { isPaddingJunk: false }) {
    this.isPaddingJunk = isPaddingJunk
  }

  write(chunk: Buffer): Buffer {
    const out = Buffer.allocUnsafe(((chunk.length * 3) >> 2) + 4)
    let { bits, count } = this
    let length = 0
    for (let at = 0; at < chunk.length;) {
      if (count === 0 && at + 4 <= chunk.length) {
        const [first, second] = [VALUES[chunk[at]!]!, VALUES[chunk[at + 1]!]!]
        const [third, fourth] = [VALUES[chunk[at + 2]!]!, VALUES[chunk[at + 3]!]!]
        if ((first | second | third | fourth) < JUNK) {
          out[length++] = (first << 2) | (second >> 4)
          out[length++] = (second << 4) | (third >> 2)
          out[length++] = (third << 6) | fourth
          at += 4
          continue
        }
      }
      const value = VALUES[chunk[at++]!]!
      if (value < JUNK) {
        bits = (bits << 6) | value
        if (++count === 4) {
          out[length++] = bits >> 16
          out[length++] = bits >> 8
          out[length++] = bits
          bits = count = 0
        }
      } else if (value === PADDING && !this.isPaddingJunk) {
        length += putRest(out, length, bits, count)
        bits = count = 0
      }
    }
    this.bits = bits
    this.count = count
    return out.subarray(0, length)
  }

  end(): Buffer {
    if (this.count < 2) return NOTHING
    const out = Buffer.alloc(2)
    return out.subarray(0, putRest(out, 0, this.bits, this.count))
  }
}

/** Two characters make one byte, three make two; one alone makes none. */
function putRest(out: Buffer, at: number, bits: number, count: number): number {
  if (count === 2) out[at] = bits >> 4
  if (count === 3) {
    out[at] = bits >> 10
    out[at + 1] = bits >> 2
  }
  return Math.max(0, count - 1)
}
