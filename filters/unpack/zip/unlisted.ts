// Finds local headers where the central directory lists none. The four bytes of a signature also occur by chance,
// so the record must be one that a program would take for a member.
import { CHUNK_BYTES } from '../../../mail/limits.js'
import type { Source } from '../reader.js'
import { LOCAL_SIGNATURE, readLocal, SIZES_FOLLOW, type Entry } from './records.js'

/** The next plausible local header in the range. */
export function findUnlisted(source: Source, startByte: number, endByte: number): number | null {
  let at = findSignature(source, startByte, endByte, LOCAL_SIGNATURE)
  while (at !== null && !isPlausible(readLocal(source, at), at, endByte)) {
    at = findSignature(source, at + 1, endByte, LOCAL_SIGNATURE)
  }
  return at
}

export function findSignature(source: Source, startByte: number, endByte: number, signature: number): number | null {
  const wanted = Buffer.alloc(4)
  wanted.writeUInt32LE(signature)
  for (let from = startByte; from < endByte; from += CHUNK_BYTES) {
    const step = source.read(from, Math.min(from + CHUNK_BYTES + 3, endByte))
    const at = step.indexOf(wanted)
    if (at >= 0) return from + at
  }
  return null
}

function isPlausible(entry: Entry | null, at: number, endByte: number): boolean {
  if (!entry || entry.rawName.length === 0 || entry.method > 99) return false
  const open = (entry.flags & SIZES_FOLLOW) !== 0 && entry.packedBytes === 0
  return at + entry.recordBytes <= endByte && (open || entry.unpackedBytes === 0 || entry.packedBytes > 0)
}
