// The blocks of a RAR of versions 1.5 to 4 (signature Rar!\x1a\x07\x00). Each has a checksum of 16 bits over itself.
import { crc32 } from 'node:zlib'
import { decodeName } from '../member-name.js'
import type { Source } from '../reader.js'
import type { RarBlock, RarFile } from './blocks.js'

const MARKER_BYTES = 7
const MAIN = 0x73
const FILE = 0x74
const END = 0x7b
const HAS_DATA = 0x8000
const UNIX = 3
/** S_IFLNK in the type bits of a Unix mode. */
const UNIX_LINK = 0xa000

export function* rar4Blocks(source: Source): Generator<RarBlock, void, undefined> {
  let at = MARKER_BYTES
  while (at < source.sizeBytes) {
    const fixed = source.read(at, at + 7)
    const headerBytes = fixed.length < 7 ? 0 : fixed.readUInt16LE(5)
    const header = source.read(at, at + headerBytes)
    if (headerBytes < 7 || header.length < headerBytes) return yield { kind: 'damaged', why: 'RAR cut short' }
    const type = header.readUInt8(2)
    const flags = header.readUInt16LE(3)
    if (!checksumFits(header, type, flags)) return yield { kind: 'damaged', why: `damaged RAR header at byte ${at}` }
    const dataStart = at + headerBytes
    if (type === MAIN) {
      yield { kind: 'main', isSolid: (flags & 0x08) !== 0, isEncrypted: (flags & 0x80) !== 0 }
      if (flags & 0x80) return yield { kind: 'encryptedHeaders' }
    }
    if (type === END) return yield { kind: 'end', moreVolumes: (flags & 0x01) !== 0, endByte: dataStart }
    const file = type === FILE ? fileOf(header, flags, dataStart) : null
    if (type === FILE && !file) return yield { kind: 'damaged', why: `damaged RAR header at byte ${at}` }
    if (file) yield file
    // A member's size has 64 bits when flag 0x100 says so; every other block's has 32.
    at = dataStart + (file ? file.packedBytes : flags & HAS_DATA && headerBytes >= 11 ? header.readUInt32LE(7) : 0)
  }
  // Old RARs have no end block: the end of the data is the end.
  yield at > source.sizeBytes
    ? { kind: 'damaged', why: 'RAR cut short' }
    : { kind: 'end', moreVolumes: false, endByte: at }
}

/** An old-style comment inside the header is not part of what is summed; such headers are taken as they are. */
function checksumFits(header: Buffer, type: number, flags: number): boolean {
  const declared = header.readUInt16LE(0)
  if (declared === (crc32(header.subarray(2)) & 0xffff)) return true
  if (type === MAIN && flags & 0x02) return declared === (crc32(header.subarray(2, 13)) & 0xffff)
  return type === FILE && (flags & 0x08) !== 0
}

function fileOf(header: Buffer, flags: number, dataStart: number): RarFile | null {
  const isLarge = (flags & 0x100) !== 0
  const nameStart = isLarge ? 40 : 32
  if (header.length < nameStart) return null
  const nameBytes = header.readUInt16LE(26)
  if (nameStart + nameBytes > header.length) return null
  const hostOs = header.readUInt8(15)
  const attributes = header.readUInt32LE(28)
  const isFolder = (flags & 0xe0) === 0xe0
  const isLink = hostOs === UNIX && (attributes & 0xf000) === UNIX_LINK
  return {
    kind: 'file',
    name: rar4Name(header.subarray(nameStart, nameStart + nameBytes), (flags & 0x200) !== 0).replaceAll('\\', '/'),
    method: header.readUInt8(25) === 0x30 ? 'stored' : 'compressed',
    dataStart,
    packedBytes: header.readUInt32LE(7) + (isLarge ? header.readUInt32LE(32) * 2 ** 32 : 0),
    unpackedBytes: header.readUInt32LE(11) + (isLarge ? header.readUInt32LE(36) * 2 ** 32 : 0),
    crc: header.readUInt32LE(16),
    dictionaryBytes: isFolder ? 0 : (64 * 1024) << ((flags & 0xe0) >> 5),
    isEncrypted: (flags & 0x04) !== 0,
    isSplit: (flags & 0x03) !== 0,
    isPlainFile: !isFolder && !isLink,
    isService: false,
  }
}

/** A unicode name stands behind the plain one as its differences, in groups of two flag bits per character. */
export function rar4Name(bytes: Buffer, isUnicode: boolean): string {
  const nul = isUnicode ? bytes.indexOf(0) : -1
  if (nul < 0) return decodeName(bytes)
  const plain = bytes.subarray(0, nul)
  const coded = bytes.subarray(nul + 1)
  const high = (coded[0] ?? 0) << 8
  const units: number[] = []
  let at = 1
  const next = () => coded[at++] ?? 0
  while (at < coded.length) {
    const kinds = next()
    for (let shift = 6; shift >= 0 && at < coded.length; shift -= 2) {
      const kind = (kinds >> shift) & 3
      if (kind === 0) units.push(next())
      else if (kind === 1) units.push(next() | high)
      else if (kind === 2) units.push(next() | (next() << 8))
      else pushRun(next(), units, plain, high, next)
    }
  }
  return units.map(unit => String.fromCharCode(unit)).join('')
}

/** A run copied from the plain name, with the high byte and a correction when its first bit is set. */
function pushRun(length: number, units: number[], plain: Buffer, high: number, next: () => number): void {
  const correction = length & 0x80 ? next() : null
  for (let left = (length & 0x7f) + 2; left > 0; left--) {
    const byte = plain[units.length] ?? 0
    units.push(correction === null ? byte : ((byte + correction) & 0xff) | high)
  }
}
