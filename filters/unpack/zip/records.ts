// The records of a zip (APPNOTE 4.3): local headers, entries of the central directory, end records.
// Bytes in, values out; what is no such record is null.
import { crc32 } from 'node:zlib'
import { decodeName } from '../member-name.js'
import type { Source } from '../reader.js'

export type Entry = {
  /** The name's bytes as latin-1: to compare. */
  readonly rawName: string
  readonly name: string
  readonly flags: number
  readonly method: number
  readonly crc: number
  readonly packedBytes: number
  readonly unpackedBytes: number
  /** Where the local header lies, as the central directory counts. */
  readonly localStart: number
  readonly recordBytes: number
}

export const LOCAL_SIGNATURE = 0x04034b50
export const CENTRAL_SIGNATURE = 0x02014b50
export const DESCRIPTOR_SIGNATURE = 0x08074b50
export const LOCAL_BYTES = 30
const CENTRAL_BYTES = 46
const UTF8_NAME = 0x0800

/** Sizes follow the data: the local header may say nothing (APPNOTE 4.4.4 bit 3). */
export const SIZES_FOLLOW = 0x0008

/** Traditional and strong encryption, and an encrypted central directory (bits 0, 6, 13); AES has its own method. */
export function isEncrypted(entry: Entry): boolean {
  return (entry.flags & 0x2041) !== 0 || entry.method === 99
}

export function readLocal(source: Source, at: number): Entry | null {
  const head = source.read(at, at + LOCAL_BYTES)
  if (head.length < LOCAL_BYTES || head.readUInt32LE(0) !== LOCAL_SIGNATURE) return null
  const nameBytes = head.readUInt16LE(26)
  const extraBytes = head.readUInt16LE(28)
  const rest = source.read(at + LOCAL_BYTES, at + LOCAL_BYTES + nameBytes + extraBytes)
  const name = rest.subarray(0, nameBytes)
  const extra = rest.subarray(nameBytes)
  const [unpackedBytes, packedBytes] = zip64Sizes(extra, [head.readUInt32LE(22), head.readUInt32LE(18)])
  return {
    ...naming(name, extra, head.readUInt16LE(6)),
    flags: head.readUInt16LE(6),
    method: head.readUInt16LE(8),
    crc: head.readUInt32LE(14),
    packedBytes: packedBytes ?? 0,
    unpackedBytes: unpackedBytes ?? 0,
    localStart: at,
    recordBytes: LOCAL_BYTES + nameBytes + extraBytes,
  }
}

export function readCentral(source: Source, at: number): Entry | null {
  const head = source.read(at, at + CENTRAL_BYTES)
  if (head.length < CENTRAL_BYTES || head.readUInt32LE(0) !== CENTRAL_SIGNATURE) return null
  const nameBytes = head.readUInt16LE(28)
  const extraBytes = head.readUInt16LE(30)
  const rest = source.read(at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameBytes + extraBytes)
  const name = rest.subarray(0, nameBytes)
  const extra = rest.subarray(nameBytes)
  const declared = [head.readUInt32LE(24), head.readUInt32LE(20), head.readUInt32LE(42)]
  const [unpackedBytes, packedBytes, localStart] = zip64Sizes(extra, declared)
  return {
    ...naming(name, extra, head.readUInt16LE(8)),
    flags: head.readUInt16LE(8),
    method: head.readUInt16LE(10),
    crc: head.readUInt32LE(16),
    packedBytes: packedBytes ?? 0,
    unpackedBytes: unpackedBytes ?? 0,
    localStart: localStart ?? 0,
    recordBytes: CENTRAL_BYTES + nameBytes + extraBytes + head.readUInt16LE(32),
  }
}

function naming(bytes: Buffer, extra: Buffer, flags: number): { rawName: string; name: string } {
  const rawName = bytes.toString('latin1')
  const unicode = unicodePath(bytes, extra)
  if (unicode !== null) return { rawName, name: unicode }
  return { rawName, name: (flags & UTF8_NAME) !== 0 ? bytes.toString('utf8') : decodeName(bytes) }
}

/** Info-ZIP's Unicode path field counts only while it belongs to this very name (APPNOTE 4.6.9). */
function unicodePath(name: Buffer, extra: Buffer): string | null {
  const field = extraField(extra, 0x7075)
  if (!field || field.length < 6 || field[0] !== 1) return null
  return field.readUInt32LE(1) === crc32(name) ? field.toString('utf8', 5) : null
}

function extraField(extra: Buffer, wanted: number): Buffer | null {
  for (let at = 0; at + 4 <= extra.length;) {
    const bytes = extra.readUInt16LE(at + 2)
    if (extra.readUInt16LE(at) === wanted) return extra.subarray(at + 4, at + 4 + bytes)
    at += 4 + bytes
  }
  return null
}

/** Zip64's field holds, in this order, only those numbers that are all ones in the record (APPNOTE 4.5.3). */
function zip64Sizes(extra: Buffer, declared: readonly number[]): number[] {
  if (!declared.includes(0xffffffff)) return [...declared]
  const field = extraField(extra, 0x0001)
  let at = 0
  return declared.map(value => {
    if (value !== 0xffffffff || !field || at + 8 > field.length) return value
    at += 8
    return Number(field.readBigUInt64LE(at - 8))
  })
}
