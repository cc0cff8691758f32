// Where the central directories of a zip are. Programs look for the end record in different ways; every end record
// in the last 64 KiB that leads to a directory counts, and so do the two that zip64 can name.
import type { Source } from '../reader.js'
import { CENTRAL_SIGNATURE, readCentral, type Entry } from './records.js'

export type Directory = {
  readonly startByte: number
  readonly endByte: number
  readonly entryCount: number
  /** What must be added to the offsets of its entries. */
  readonly shiftBytes: number
  /** One past the end record and its comment. */
  readonly zipEndByte: number
}

const END_SIGNATURE = Buffer.from('PK\x05\x06', 'latin1')
const END_BYTES = 22
const END64_SIGNATURE = 0x06064b50
const LOCATOR_SIGNATURE = 0x07064b50
const MAX_DIRECTORIES = 4

/** The usual one first. Empty when the zip has none, as when its end is missing. */
export function findDirectories(source: Source): Directory[] {
  const tailStart = Math.max(0, source.sizeBytes - 65_535 - END_BYTES)
  const tail = source.read(tailStart, source.sizeBytes)
  const found: Directory[] = []
  let at = tail.lastIndexOf(END_SIGNATURE)
  while (at >= 0 && found.length < MAX_DIRECTORIES) {
    for (const directory of directoriesOfEnd(source, tailStart + at)) {
      if (!found.some(known => known.startByte === directory.startByte)) found.push(directory)
    }
    at = at === 0 ? -1 : tail.lastIndexOf(END_SIGNATURE, at - 1)
  }
  return found
}

function directoriesOfEnd(source: Source, endStart: number): Directory[] {
  const end = source.read(endStart, endStart + END_BYTES)
  if (end.length < END_BYTES) return []
  const zipEndByte = endStart + END_BYTES + end.readUInt16LE(20)
  const classic = located(source, {
    offset: end.readUInt32LE(16),
    sizeBytes: end.readUInt32LE(12),
    entryCount: end.readUInt16LE(10),
    endsAt: endStart,
    zipEndByte,
  })
  const large = zip64Directory(source, endStart, zipEndByte)
  return [large, classic].filter(directory => directory !== null)
}

function zip64Directory(source: Source, endStart: number, zipEndByte: number): Directory | null {
  if (endStart < 20) return null
  const locator = source.read(endStart - 20, endStart)
  if (locator.readUInt32LE(0) !== LOCATOR_SIGNATURE) return null
  // What was put in front of the zip moves the record too: without an extra field it ends at the locator.
  for (const at of [Number(locator.readBigUInt64LE(8)), endStart - 20 - 56]) {
    const end = at >= 0 && at < endStart ? source.read(at, at + 56) : Buffer.alloc(0)
    if (end.length < 56 || end.readUInt32LE(0) !== END64_SIGNATURE) continue
    return located(source, {
      offset: Number(end.readBigUInt64LE(48)),
      sizeBytes: Number(end.readBigUInt64LE(40)),
      entryCount: Number(end.readBigUInt64LE(32)),
      endsAt: at,
      zipEndByte,
    })
  }
  return null
}

type Declared = { offset: number; sizeBytes: number; entryCount: number; endsAt: number; zipEndByte: number }

/** The directory lies right before its end record; where it does not, at the offset that the record gives. */
function located(source: Source, declared: Declared): Directory | null {
  const { endsAt, entryCount, zipEndByte } = declared
  if (declared.sizeBytes === 0 && entryCount === 0) {
    return { startByte: endsAt, endByte: endsAt, entryCount, shiftBytes: 0, zipEndByte }
  }
  for (const startByte of [endsAt - declared.sizeBytes, declared.offset]) {
    if (startByte < 0 || startByte + 46 > endsAt) continue
    if (source.read(startByte, startByte + 4).readUInt32LE(0) !== CENTRAL_SIGNATURE) continue
    return { startByte, endByte: endsAt, entryCount, shiftBytes: startByte - declared.offset, zipEndByte }
  }
  return null
}

/** The entries, at most so many. `complete` is false when a record is damaged or the count does not fit. */
export function readEntries(source: Source, directory: Directory, most: number): { entries: Entry[]; fits: boolean } {
  const entries: Entry[] = []
  let at = directory.startByte
  while (at < directory.endByte && entries.length < most) {
    const entry = readCentral(source, at)
    if (!entry) break
    entries.push({ ...entry, localStart: entry.localStart + directory.shiftBytes })
    at += entry.recordBytes
  }
  // The classic record counts modulo 65,536.
  const counted = entries.length === directory.entryCount || entries.length % 65_536 === directory.entryCount
  return { entries, fits: entries.length === most || counted }
}
