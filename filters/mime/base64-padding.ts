// Where base64 goes on after its padding, readers disagree: some stop at the first `=`, some begin a new group after it,
// some skip it (RFC 2045 6.8 leaves it open). Decoding begins a new group; the other two readings are parts of their own.
import { CHUNK_BYTES } from '../../mail/limits.js'
import type { ByteSource } from './byte-source.js'

const PADDING = 0x3d

/** One past the first padding when more base64 follows it, else null. */
export async function paddingInside(source: ByteSource, startByte: number, endByte: number): Promise<number | null> {
  let padding = -1
  for (let start = startByte; start < endByte;) {
    const end = source.isInMemory ? endByte : Math.min(endByte, start + CHUNK_BYTES)
    const asked = source.at(start, end)
    const window = Buffer.isBuffer(asked) ? asked : await asked
    let at = 0
    if (padding < 0) {
      const found = window.indexOf(PADDING)
      if (found >= 0) padding = start + found + 1
      at = found < 0 ? window.length : found + 1
    }
    for (; at < window.length; at++) {
      if (isBase64(window[at]!)) return padding
    }
    start = end
  }
  return null
}

function isBase64(byte: number): boolean {
  return (
    (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x2f && byte <= 0x39) || byte === 0x2b
  )
}
