// Writes RAR4 and RAR5 archives whose members are stored, which is all that can be written without RAR itself.
// Each kind can be given the marks of what we cannot write: encrypted members, encrypted headers, other volumes.
import { crc32 } from 'node:zlib'

export type RarFile = {
  readonly name: string
  readonly content: Buffer | string
  /** Written as if it were; the content is as it is. */
  readonly isEncrypted?: boolean
  readonly goesOnInNextVolume?: boolean
  /** Lies about the size. */
  readonly declaredBytes?: number
  /** A compression method to claim; 0 is stored. */
  readonly method?: number
  /** RAR5: 128 KiB times two to this power. */
  readonly dictionaryPower?: number
  /** RAR5: a symbolic link, whatever its content. */
  readonly isLink?: boolean
  /** RAR5: the extra area as it is written, in place of an honest one. */
  readonly extra?: Buffer
  /** RAR5: a service block, RAR4: nothing. */
  readonly isService?: boolean
  /** A folder, whatever its content. */
  readonly isFolder?: boolean
  /** RAR5: what stands in the archive in place of the content, compressed by `method`. */
  readonly packed?: Buffer
}

const SIGNATURE4 = Buffer.from('Rar!\x1a\x07\x00', 'latin1')
const SIGNATURE5 = Buffer.from('Rar!\x1a\x07\x01\x00', 'latin1')

export function storedRar4(files: readonly RarFile[]): Buffer {
  const end = block4(0x7b, 0x4000, Buffer.alloc(0))
  return Buffer.concat([SIGNATURE4, main4(0), ...files.map(file4), end])
}

/** Nothing after the main header can be read: what is there only looks like encrypted headers. */
export function rar4WithEncryptedNames(): Buffer {
  return Buffer.concat([SIGNATURE4, main4(0x80), Buffer.alloc(120, 0xa7)])
}

function main4(flags: number): Buffer {
  return block4(0x73, flags, Buffer.alloc(6))
}

function file4(file: RarFile): Buffer {
  const content = Buffer.from(file.content)
  const name = Buffer.from(file.name)
  const fields = Buffer.alloc(25)
  fields.writeUInt32LE(content.length, 0)
  fields.writeUInt32LE(file.declaredBytes ?? content.length, 4)
  fields.writeUInt8(3, 8)
  fields.writeUInt32LE(crc32(content), 9)
  fields.writeUInt8(29, 17)
  fields.writeUInt8(0x30 + (file.method ?? 0), 18)
  fields.writeUInt16LE(name.length, 19)
  fields.writeUInt32LE(0o100644, 21)
  const flags =
    0x8000 | (file.isEncrypted ? 0x04 : 0) | (file.goesOnInNextVolume ? 0x02 : 0) | (file.isFolder ? 0xe0 : 0)
  return Buffer.concat([block4(0x74, flags, Buffer.concat([fields, name])), content])
}

function block4(type: number, flags: number, fields: Buffer): Buffer {
  const block = Buffer.alloc(7 + fields.length)
  block.writeUInt8(type, 2)
  block.writeUInt16LE(flags, 3)
  block.writeUInt16LE(block.length, 5)
  fields.copy(block, 7)
  block.writeUInt16LE(crc32(block.subarray(2)) & 0xffff, 0)
  return block
}

export function storedRar5(files: readonly RarFile[], shape: { isSolid?: boolean } = {}): Buffer {
  const more = files.some(file => file.goesOnInNextVolume)
  const main = block5([1, 0, (more ? 1 : 0) | (shape.isSolid ? 4 : 0)])
  return Buffer.concat([SIGNATURE5, main, ...files.map(file5), block5([5, 0, more ? 1 : 0])])
}

export function rar5WithEncryptedNames(): Buffer {
  const encryption = block5([4, 0, 0, 0, 15], Buffer.alloc(16, 0x5a))
  return Buffer.concat([SIGNATURE5, encryption, Buffer.alloc(120, 0xa7)])
}

function file5(file: RarFile): Buffer {
  const content = Buffer.from(file.content)
  const data = file.packed ?? content
  const name = Buffer.from(file.name)
  const crc = Buffer.alloc(4)
  crc.writeUInt32LE(crc32(content))
  const honest = Buffer.concat(
    [file.isEncrypted ? ENCRYPTION_RECORD : '', file.isLink ? LINK_RECORD : ''].map(withLength),
  )
  const extra = file.extra ?? honest
  const flags = 2 | (extra.length > 0 ? 1 : 0) | (file.goesOnInNextVolume ? 0x10 : 0)
  const compression = ((file.method ?? 0) << 7) | ((file.dictionaryPower ?? 0) << 10)
  const header = block5(
    [
      file.isService ? 3 : 2,
      flags,
      ...(extra.length > 0 ? [extra.length] : []),
      data.length,
      4 | (file.isFolder ? 1 : 0),
      file.declaredBytes ?? content.length,
      0o100644,
    ],
    Buffer.concat([crc, numbers([compression, 1, name.length]), name, extra]),
  )
  return Buffer.concat([header, data])
}

/** Version 0, no flags, 2^15 rounds, salt and vector. */
const ENCRYPTION_RECORD = Buffer.concat([numbers([1, 0, 0, 15]), Buffer.alloc(32, 0x5a)])
/** A Unix link to `x`. */
const LINK_RECORD = Buffer.concat([numbers([5, 1, 0, 1]), Buffer.from('x')])

function withLength(record: Buffer | string): Buffer {
  return record.length === 0 ? Buffer.alloc(0) : Buffer.concat([numbers([record.length]), Buffer.from(record)])
}

function block5(fields: readonly number[], rest: Buffer = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([numbers(fields), rest])
  const summed = Buffer.concat([numbers([body.length]), body])
  const crc = Buffer.alloc(4)
  crc.writeUInt32LE(crc32(summed))
  return Buffer.concat([crc, summed])
}

/** Seven bits a byte, the lowest first. */
function numbers(values: readonly number[]): Buffer {
  const bytes: number[] = []
  for (let value of values) {
    while (value >= 128) {
      bytes.push((value % 128) | 128)
      value = Math.floor(value / 128)
    }
    bytes.push(value)
  }
  return Buffer.from(bytes)
}

/** The longest match that RAR5 can say without a large distance. */
const LONGEST_MATCH_BYTES = 4097

/**
 * Zeros as RAR5 compresses them: one literal, one match of the longest length, then a bit for each repetition of it.
 * The count is rounded up to whole matches; what is declared decides where reading stops.
 */
export function packedZeros5(bytes: number): Buffer {
  const repetitions = Math.ceil(bytes / LONGEST_MATCH_BYTES)
  // The lengths of the codes in which the tables are written: the symbols 1, 2, 18 and 19 have two bits each.
  const preTable = nibbles([0, 2, 2, ...Array<number>(15).fill(0), 2, 2])
  // 430 code lengths: literal 0 and the longest match have two bits, "once more" one, distances 1 and 2 one.
  const tables = ['01', zeroRun(138), zeroRun(118), '00', zeroRun(47), '01', '00', '00', zeroRun(122)].join('')
  const start = preTable + tables + '10' + '11' + '111111111' + '0'
  const bits = start.length + repetitions
  const data = Buffer.alloc(Math.ceil(bits / 8))
  for (let at = 0; at < start.length; at++) {
    if (start[at] === '1') data[at >> 3] = (data[at >> 3] ?? 0) | (0x80 >> (at & 7))
  }
  const size = [data.length & 0xff, (data.length >> 8) & 0xff, data.length >> 16]
  // Last block, has tables, three bytes of size, and how many bits of the last byte count.
  const flags = 0xc0 | (2 << 3) | ((bits - 1) & 7)
  const check = size.reduce((sum, byte) => sum ^ byte, 0x5a ^ flags)
  return Buffer.concat([Buffer.from([flags, check, ...size]), data])
}

function nibbles(values: readonly number[]): string {
  return values.map(value => value.toString(2).padStart(4, '0')).join('')
}

/** Symbol 19 of the tables' code: so many codes that are not in use, 11 to 138. */
function zeroRun(count: number): string {
  return `11${(count - 11).toString(2).padStart(7, '0')}`
}
