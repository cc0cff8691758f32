// What stands behind an archive's own end, or between its members. Programs differ in whether they look there, so it is looked at.
import { CHUNK_BYTES } from '../../mail/limits.js'
import type { Member, Reading } from './reader.js'

const ZEROS = Buffer.alloc(CHUNK_BYTES)

export const TRAILING_NAME = '(data after the archive)'

/** Gives out the bytes from there to the end of the source, unless all are padding. `what` null: nothing odd about it. */
export async function* trailingMember(
  reading: Reading,
  startByte: number,
  what: string | null,
): AsyncGenerator<Member, void, undefined> {
  const { source } = reading
  if (startByte >= source.sizeBytes || isPadding(reading, startByte)) return
  if (what !== null) reading.report({ kind: 'ambiguous', what })
  reading.take()
  yield {
    name: TRAILING_NAME,
    async extract(into) {
      for (let at = startByte; at < source.sizeBytes; at += CHUNK_BYTES) into(source.read(at, at + CHUNK_BYTES))
      return 'content'
    },
  }
}

export const GAP_NAME = '(data between the members)'

/** Gives out a stretch that belongs to no member, unless all of it is padding. */
export async function* gapMember(
  reading: Reading,
  gap: { readonly startByte: number; readonly endByte: number },
): AsyncGenerator<Member, void, undefined> {
  const { source } = reading
  const stretch = {
    sizeBytes: gap.endByte,
    read: (from: number, to: number) => source.read(from, Math.min(to, gap.endByte)),
  }
  if (isPadding({ ...reading, source: stretch }, gap.startByte)) return
  reading.take()
  yield {
    name: GAP_NAME,
    async extract(into) {
      for (let at = gap.startByte; at < gap.endByte; at += CHUNK_BYTES) into(stretch.read(at, at + CHUNK_BYTES))
      return 'content'
    },
  }
}

/** Zeros from tapes and block devices, line ends from mail gateways. */
function isPadding(reading: Reading, startByte: number): boolean {
  for (let at = startByte; at < reading.source.sizeBytes; at += CHUNK_BYTES) {
    reading.check()
    const chunk = reading.source.read(at, at + CHUNK_BYTES)
    if (chunk.equals(ZEROS.subarray(0, chunk.length))) continue
    if (!chunk.every(byte => byte === 0 || byte === 0x0a || byte === 0x0d || byte === 0x20)) return false
  }
  return true
}
