// One header block of a tar, as ustar, GNU and the oldest tars write it, and the records of a pax header.
import { decodeName } from '../member-name.js'
import { isTarHeader } from '../recognise.js'

export const BLOCK_BYTES = 512

export type TarHeader = {
  readonly name: string
  /** null: the field holds no number. */
  readonly sizeBytes: number | null
  /** As written; old tars write NUL for a file. */
  readonly type: string
  readonly isSparseContinued: boolean
}

/** What pax headers say of the member that follows (POSIX pax, extended header). */
export type PaxRecords = ReadonlyMap<string, string>

export function readTarHeader(block: Buffer): TarHeader | null {
  if (block.length < BLOCK_BYTES || !isTarHeader(block)) return null
  const magic = block.toString('latin1', 257, 263)
  const prefix = magic.startsWith('ustar\0') ? untilNul(block.subarray(345, 500)) : Buffer.alloc(0)
  const name = untilNul(block.subarray(0, 100))
  const type = block.toString('latin1', 156, 157)
  return {
    name: decodeName(prefix.length > 0 ? Buffer.concat([prefix, Buffer.from('/'), name]) : name),
    sizeBytes: tarNumber(block.subarray(124, 136)),
    type,
    isSparseContinued: type === 'S' && block[482] === 1,
  }
}

export function untilNul(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0)
  return end < 0 ? bytes : bytes.subarray(0, end)
}

/** Octal text, or GNU's base-256 when the first bit is set. */
function tarNumber(field: Buffer): number | null {
  const first = field[0] ?? 0
  if (first === 0x80) {
    const value = Number(BigInt(`0x${field.toString('hex', 1)}`))
    return Number.isSafeInteger(value) ? value : null
  }
  if (first > 0x80) return null
  const text = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trimStart()
  if (text === '') return 0
  return /^[0-7]+$/.test(text) ? parseInt(text, 8) : null
}

/** `length key=value\n` again and again; null when the lengths do not fit. */
export function readPaxRecords(bytes: Buffer): PaxRecords | null {
  const records = new Map<string, string>()
  let at = 0
  while (at < bytes.length && bytes[at] !== 0) {
    const blank = bytes.indexOf(0x20, at)
    const length = blank < 0 ? NaN : Number(bytes.toString('latin1', at, blank))
    const equals = bytes.indexOf(0x3d, blank)
    const end = at + length
    if (!Number.isSafeInteger(length) || equals < 0 || equals >= end || end > bytes.length) return null
    records.set(bytes.toString('latin1', blank + 1, equals), decodeName(bytes.subarray(equals + 1, end - 1)))
    at = end
  }
  return records
}
