// One zip member's content: stored or deflated. Says how far its data really reach, and reports where content and
// declarations differ.
import { crc32 } from 'node:zlib'
import { CHUNK_BYTES } from '../../../mail/limits.js'
import { inflate } from '../inflate.js'
import type { Fault, Into, Source } from '../reader.js'
import { isEncrypted, SIZES_FOLLOW, type Entry } from './records.js'

export type Extent = { readonly startByte: number; readonly endByte: number }

type Extracted = { readonly extent: Extent; readonly result: 'content' | 'nothing' }

export async function extractEntry(
  source: Source,
  entry: Entry,
  dataStart: number,
  into: Into,
  report: (fault: Fault) => void,
): Promise<Extracted> {
  const declaredEnd = dataStart + entry.packedBytes
  const nothing: Extracted = { extent: { startByte: dataStart, endByte: declaredEnd }, result: 'nothing' }
  if (isEncrypted(entry)) {
    report({ kind: 'encrypted' })
    return nothing
  }
  if (entry.method !== 0 && entry.method !== 8) {
    report({ kind: 'unscanned', why: `zip method ${entry.method} is not read` })
    return nothing
  }
  const tally = new Tally(into)
  const endByte = Math.min(declaredEnd, source.sizeBytes)
  const { reachedByte, fault } =
    entry.method === 0
      ? copyStored(source, dataStart, endByte, tally)
      : await inflateEntry(source, dataStart, endByte, tally)
  const unusedBytes = endByte - reachedByte
  if (fault !== null || declaredEnd > source.sizeBytes) {
    report({ kind: 'unscanned', why: `zip member ${fault ?? 'cut short'}` })
  } else if (!isSilent(entry) && (unusedBytes > 0 || tally.differsFrom(entry))) {
    report({ kind: 'ambiguous', what: 'declared size or checksum is wrong' })
  }
  return { extent: { startByte: dataStart, endByte: reachedByte }, result: 'content' }
}

type Reached = { readonly reachedByte: number; readonly fault: string | null }

function copyStored(source: Source, startByte: number, endByte: number, tally: Tally): Reached {
  for (let at = startByte; at < endByte; at += CHUNK_BYTES)
    tally.add(source.read(at, Math.min(at + CHUNK_BYTES, endByte)))
  return { reachedByte: endByte, fault: null }
}

async function inflateEntry(source: Source, startByte: number, endByte: number, tally: Tally): Promise<Reached> {
  const { consumedBytes, fault } = await inflate(source, startByte, endByte, chunk => tally.add(chunk))
  return { reachedByte: fault === null ? startByte + consumedBytes : endByte, fault }
}

/** A local header that leaves size and checksum to later has nothing to compare with. */
function isSilent(entry: Entry): boolean {
  return (entry.flags & SIZES_FOLLOW) !== 0 && entry.unpackedBytes === 0 && entry.crc === 0
}

/** Counts and sums what passes through. */
class Tally {
  #bytes = 0
  #crc = 0

  constructor(private readonly into: Into) {}

  add(chunk: Uint8Array): void {
    this.into(chunk)
    this.#bytes += chunk.length
    this.#crc = crc32(chunk, this.#crc)
  }

  differsFrom(entry: Entry): boolean {
    return this.#bytes !== entry.unpackedBytes || this.#crc !== entry.crc
  }
}
