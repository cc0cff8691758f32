// The blocks of a RAR 5 (signature Rar!\x1a\x07\x01\x00). Each has a CRC-32 over itself; numbers are 7 bits a byte.
import { crc32 } from 'node:zlib'
import type { Source } from '../reader.js'
import type { RarBlock, RarFile } from './blocks.js'

const MARKER_BYTES = 8
/** RAR itself writes no header above 2 MiB. */
const MAX_HEADER_BYTES = 2 * 1024 * 1024
const MAIN = 1
const FILE = 2
const SERVICE = 3
const ENCRYPTION = 4
const END = 5
/** A record of the extra area. */
const LINK = 5

export function* rar5Blocks(source: Source): Generator<RarBlock, void, undefined> {
  let at = MARKER_BYTES
  while (at < source.sizeBytes) {
    const read = readBlock(source, at)
    if (typeof read === 'string') return yield { kind: 'damaged', why: read }
    const { header, type, flags, extraBytes, dataBytes, dataStart } = read
    if (type === ENCRYPTION) return yield { kind: 'encryptedHeaders' }
    if (type === MAIN) {
      const archiveFlags = header.number()
      yield { kind: 'main', isSolid: (archiveFlags & 4) !== 0, isEncrypted: false }
    }
    if (type === END) return yield { kind: 'end', moreVolumes: (header.number() & 1) !== 0, endByte: dataStart }
    if (type === FILE || (type === SERVICE && dataBytes > 0)) {
      const file = fileOf(header, { type, flags, extraBytes, dataBytes, dataStart })
      if (!file) return yield { kind: 'damaged', why: `damaged RAR header at byte ${at}` }
      yield file
    }
    at = dataStart + dataBytes
  }
  yield at > source.sizeBytes
    ? { kind: 'damaged', why: 'RAR cut short' }
    : { kind: 'damaged', why: 'RAR without its end' }
}

type Block = {
  readonly header: Cursor
  readonly type: number
  readonly flags: number
  readonly extraBytes: number
  readonly dataBytes: number
  readonly dataStart: number
}

function readBlock(source: Source, at: number): Block | string {
  const start = source.read(at, at + 4 + 3)
  if (start.length < 7) return 'RAR cut short'
  const size = new Cursor(start, 4)
  const headerBytes = size.number()
  if (!size.isWhole || headerBytes === 0 || headerBytes > MAX_HEADER_BYTES) return `damaged RAR header at byte ${at}`
  const bytes = source.read(at + 4, at + size.at + headerBytes)
  if (bytes.length < size.at - 4 + headerBytes) return 'RAR cut short'
  if (crc32(bytes) !== start.readUInt32LE(0)) return `damaged RAR header at byte ${at}`
  const header = new Cursor(bytes, size.at - 4)
  const type = header.number()
  const flags = header.number()
  const extraBytes = flags & 1 ? header.number() : 0
  const dataBytes = flags & 2 ? header.number() : 0
  if (!header.isWhole) return `damaged RAR header at byte ${at}`
  return { header, type, flags, extraBytes, dataBytes, dataStart: at + 4 + bytes.length }
}

function fileOf(header: Cursor, block: Omit<Block, 'header'>): RarFile | null {
  const fileFlags = header.number()
  const unpackedBytes = header.number()
  header.number() // attributes
  if (fileFlags & 2) header.skip(4)
  const crc = fileFlags & 4 ? header.uint32() : null
  const compression = header.number()
  header.number() // host system
  const name = header.take(header.number())
  if (!header.isWhole) return null
  const extra = extraRecords(header, block.extraBytes)
  return {
    kind: 'file',
    name: name.toString('utf8'),
    method: ((compression >> 7) & 7) === 0 ? 'stored' : 'compressed',
    dataStart: block.dataStart,
    packedBytes: block.dataBytes,
    unpackedBytes,
    crc,
    // Version 0 has four bits of it, version 1 (RAR 7) five.
    dictionaryBytes: 128 * 1024 * 2 ** ((compression >> 10) & (compression & 0x3f ? 31 : 15)),
    isEncrypted: extra.has(1),
    isSplit: (block.flags & 0x18) !== 0,
    isPlainFile: (fileFlags & 1) === 0 && !extra.has(5),
    isService: block.type === SERVICE,
  }
}

/** The kinds of records in the extra area, at the header's end: 1 is encryption, 5 a link, unless its type is 0. */
function extraRecords(header: Cursor, extraBytes: number): Set<number> {
  const kinds = new Set<number>()
  let at = header.bytes.length - extraBytes
  while (at >= header.at && at < header.bytes.length) {
    const record = new Cursor(header.bytes, at)
    const bytes = record.number()
    const next = record.at + bytes
    // unRAR leaves aside what passes the area, and a reader that believed it would see links where there are files.
    if (!record.isWhole || bytes === 0 || next > header.bytes.length) break
    const content = new Cursor(header.bytes.subarray(0, next), record.at)
    const kind = content.number()
    if (!content.isWhole) break
    if (kind !== LINK || content.number() !== 0) kinds.add(kind)
    at = next
  }
  return kinds
}

/** Reads forward; what goes past the end reads as 0 and leaves `isWhole` false. */
class Cursor {
  isWhole = true

  constructor(
    readonly bytes: Buffer,
    public at: number,
  ) {}

  number(): number {
    let value = 0
    for (let scale = 1; scale < 2 ** 50; scale *= 128) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) break
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    this.isWhole = false
    return 0
  }

  uint32(): number {
    const bytes = this.take(4)
    return bytes.length < 4 ? 0 : bytes.readUInt32LE(0)
  }

  take(count: number): Buffer {
    const taken = this.bytes.subarray(this.at, this.at + count)
    this.skip(count)
    return taken
  }

  skip(count: number): void {
    this.at += count
    if (this.at > this.bytes.length) this.isWhole = false
  }
}
