// Finds local headers where the central directory lists none. The four bytes of a signature also occur by chance,
// and can be made to occur everywhere, so little is read for each of them and the time is looked at.
import { CHUNK_BYTES } from '../../../mail/limits.js'
import type { Reading, Source } from '../reader.js'
import { LOCAL_BYTES, LOCAL_SIGNATURE, SIZES_FOLLOW } from './records.js'

/** The next local header in the range that a program would take for a member. */
export function findUnlisted(reading: Reading, startByte: number, endByte: number): number | null {
  for (const at of signatures(reading, startByte, endByte, LOCAL_SIGNATURE)) {
    if (isPlausible(reading.source, at, endByte)) return at
  }
  return null
}

export function findSignature(reading: Reading, startByte: number, endByte: number, signature: number): number | null {
  const first = signatures(reading, startByte, endByte, signature).next()
  return first.done ? null : first.value
}

function* signatures(
  reading: Reading,
  startByte: number,
  endByte: number,
  signature: number,
): Generator<number, void, undefined> {
  const wanted = Buffer.alloc(4)
  wanted.writeUInt32LE(signature)
  for (let from = startByte; from < endByte; from += CHUNK_BYTES) {
    reading.check()
    const step = reading.source.read(from, Math.min(from + CHUNK_BYTES + 3, endByte))
    for (let at = step.indexOf(wanted); at >= 0; at = step.indexOf(wanted, at + 1)) yield from + at
  }
}

function isPlausible(source: Source, at: number, endByte: number): boolean {
  const head = source.read(at, at + LOCAL_BYTES)
  if (head.length < LOCAL_BYTES) return false
  const nameBytes = head.readUInt16LE(26)
  const dataStart = at + LOCAL_BYTES + nameBytes + head.readUInt16LE(28)
  if (nameBytes === 0 || head.readUInt16LE(8) > 99 || dataStart > endByte) return false
  const packedBytes = head.readUInt32LE(18)
  const isOpen = (head.readUInt16LE(6) & SIZES_FOLLOW) !== 0 && packedBytes === 0
  return isOpen || head.readUInt32LE(22) === 0 || packedBytes > 0
}
