// Reads tar: ustar, pax, GNU long names, the oldest kind. Links and devices have no content. A damaged header is
// reported, and reading goes on at the next block that is one, as GNU tar does.
import { CHUNK_BYTES } from '../../../mail/limits.js'
import { decodeName, memberName } from '../member-name.js'
import type { ArchiveReader, Member, Reading } from '../reader.js'
import { trailingMember } from '../trailing.js'
import { BLOCK_BYTES, readPaxRecords, readTarHeader, untilNul, type PaxRecords, type TarHeader } from './headers.js'

/** Names and pax headers are no place for megabytes. */
const MAX_META_BYTES = 1024 * 1024
const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES)

/** What headers before a member said about it. */
type Said = { longName: string | null; pax: PaxRecords | null }

export const readTar: ArchiveReader = async function* (reading) {
  const { source } = reading
  let said: Said = { longName: null, pax: null }
  let at = 0
  while (at < source.sizeBytes) {
    const block = source.read(at, at + BLOCK_BYTES)
    if (block.equals(ZERO_BLOCK.subarray(0, block.length))) {
      at = afterZeroBlocks(reading, at)
      if (!readTarHeader(source.read(at, at + BLOCK_BYTES))) {
        yield* trailingMember(reading, at, 'data after the end of the tar')
        return
      }
      reading.report({ kind: 'ambiguous', what: 'members after the end of the tar' })
      continue
    }
    const header = readTarHeader(block)
    if (header?.sizeBytes == null) {
      reading.report({ kind: 'unscanned', why: `damaged tar header at byte ${at}` })
      at = nextHeader(reading, at + BLOCK_BYTES)
      continue
    }
    reading.take()
    const member = layout(reading, header, at, said)
    if (member.meta !== null) said = heard(reading, member.meta, header.type, said)
    else said = { longName: null, pax: null }
    if (member.file !== null) yield member.file
    at = member.nextByte
  }
}

/** One zero block ends a tar for some programs and not for others; two end it for all. */
function afterZeroBlocks(reading: Reading, start: number): number {
  let at = start
  while (at < reading.source.sizeBytes) {
    reading.check()
    const chunk = reading.source.read(at, at + CHUNK_BYTES)
    for (let block = 0; block < chunk.length; block += BLOCK_BYTES) {
      const bytes = chunk.subarray(block, block + BLOCK_BYTES)
      if (!bytes.equals(ZERO_BLOCK.subarray(0, bytes.length))) return at + block
    }
    at += chunk.length
  }
  return at
}

function nextHeader(reading: Reading, start: number): number {
  let at = start
  while (at < reading.source.sizeBytes) {
    reading.check()
    const chunk = reading.source.read(at, at + CHUNK_BYTES)
    for (let block = 0; block + BLOCK_BYTES <= chunk.length; block += BLOCK_BYTES) {
      if (readTarHeader(chunk.subarray(block, block + BLOCK_BYTES))) return at + block
    }
    at += CHUNK_BYTES
  }
  return reading.source.sizeBytes
}

type Layout = { readonly file: Member | null; readonly meta: Buffer | null; readonly nextByte: number }

/** What one header and its data are: a file, words about the next member, or nothing to look at. */
function layout(reading: Reading, header: TarHeader, at: number, said: Said): Layout {
  const { source } = reading
  const isMeta = /[LKxgXNV]/.test(header.type)
  const name = memberName(said.pax?.get('GNU.sparse.name') ?? said.pax?.get('path') ?? said.longName ?? header.name)
  const paxSize = isMeta ? undefined : said.pax?.get('size')
  const sizeBytes = paxSize !== undefined && /^\d{1,15}$/.test(paxSize) ? Number(paxSize) : (header.sizeBytes ?? 0)
  let dataStart = at + BLOCK_BYTES
  if (header.isSparseContinued) dataStart = afterSparseMaps(reading, dataStart)
  const hasData = isMeta || hasContent(reading, header, dataStart, sizeBytes)
  const nextByte = hasData ? dataStart + Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES : dataStart
  if (dataStart + (hasData ? sizeBytes : 0) > source.sizeBytes) {
    reading.report({ kind: 'unscanned', why: 'tar member cut short' }, name)
  }
  if (isMeta)
    return { file: null, meta: source.read(dataStart, dataStart + Math.min(sizeBytes, MAX_META_BYTES)), nextByte }
  if (!hasData) return { file: null, meta: null, nextByte }
  if (header.type === 'S' || said.pax?.has('GNU.sparse.realsize') || said.pax?.has('GNU.sparse.size')) {
    reading.report({ kind: 'ambiguous', what: 'a sparse file, looked at without its holes' }, name)
  }
  return { file: fileMember(reading, name, dataStart, dataStart + sizeBytes), meta: null, nextByte }
}

/** Links, devices, folders, FIFOs have none. Some tars give hard links the data of their target (POSIX allows it). */
function hasContent(reading: Reading, header: TarHeader, dataStart: number, sizeBytes: number): boolean {
  if (/[23456]/.test(header.type)) return header.type === '5' && header.name.endsWith('/') ? false : sizeIsReal()
  if (header.type === '1') return sizeIsReal()
  return !(header.name.endsWith('/') && (header.type === '\0' || header.type === 'D'))

  function sizeIsReal(): boolean {
    if (sizeBytes === 0) return false
    const next = reading.source.read(dataStart, dataStart + BLOCK_BYTES)
    return !readTarHeader(next) && !next.equals(ZERO_BLOCK)
  }
}

function afterSparseMaps(reading: Reading, start: number): number {
  let at = start
  let more = true
  while (more && at < reading.source.sizeBytes) {
    reading.check()
    more = reading.source.read(at + 504, at + 505)[0] === 1
    at += BLOCK_BYTES
  }
  return at
}

function fileMember(reading: Reading, name: string, startByte: number, endByte: number): Member {
  return {
    name,
    async extract(into) {
      const end = Math.min(endByte, reading.source.sizeBytes)
      for (let at = startByte; at < end; at += CHUNK_BYTES)
        into(reading.source.read(at, Math.min(at + CHUNK_BYTES, end)))
      return 'content'
    },
  }
}

function heard(reading: Reading, meta: Buffer, type: string, said: Said): Said {
  if (type === 'L') return { ...said, longName: decodeName(untilNul(meta)) }
  if (type !== 'x' && type !== 'X') return said
  const pax = readPaxRecords(meta)
  if (!pax) reading.report({ kind: 'unscanned', why: 'damaged pax header' })
  return { ...said, pax }
}
