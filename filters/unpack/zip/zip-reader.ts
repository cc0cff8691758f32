// Reads a zip both ways that programs read it: by its central directory and by its local headers. Where the two
// disagree the zip is ambiguous and both contents are given out. Declared sizes are compared, never trusted.
// Content outside of both (gaps, what stands before and after) is searched for members that the directory hides.
import { memberName } from '../member-name.js'
import type { ArchiveReader, Fault, Member, Reading } from '../reader.js'
import { isProgram } from '../recognise.js'
import { gapMember, trailingMember } from '../trailing.js'
import { findDirectories, readEntries, type Directory } from './directory.js'
import { extractEntry, type Extent } from './extract-entry.js'
import { DESCRIPTOR_SIGNATURE, isEncrypted, readLocal, SIZES_FOLLOW, type Entry } from './records.js'
import { findSignature, findUnlisted } from './unlisted.js'

export const readZip: ArchiveReader = async function* (reading) {
  const { source } = reading
  const directories = findDirectories(source)
  if (directories.length === 0) reading.report({ kind: 'unscanned', why: 'zip without its central directory' })
  const covered: Extent[] = []
  for (const [index, directory] of directories.entries()) {
    // The directory of a zip that is stored inside this one lies in a member's data, which is opened by itself.
    if (covered.some(extent => extent.startByte < directory.startByte && directory.startByte < extent.endByte)) continue
    if (index > 0) reading.report({ kind: 'ambiguous', what: 'more than one central directory' })
    yield* listed(reading, directory, covered)
    covered.push({ startByte: directory.startByte, endByte: directory.zipEndByte })
  }
  yield* unlisted(reading, covered, directories.length > 0)
  yield* between(reading, covered, directories)
  yield* around(reading, directories, covered)
}

/** What stands before and behind a zip; with programs, which carry zips, neither is odd. */
async function* around(
  reading: Reading,
  directories: readonly Directory[],
  covered: readonly Extent[],
): AsyncGenerator<Member, void, undefined> {
  if (directories.length === 0) return
  const program = isProgram(reading.source.read(0, 4))
  if (!program && covered.every(extent => extent.startByte > SPLIT_MARKER_BYTES)) {
    reading.report({ kind: 'ambiguous', what: 'data before the zip' })
  }
  const end = directories.reduce((latest, directory) => Math.max(latest, directory.zipEndByte), 0)
  yield* trailingMember(reading, end, program ? null : 'data after the zip')
}

/** A zip that was to be split begins with a marker of four bytes (APPNOTE 8.5.4). */
const SPLIT_MARKER_BYTES = 4

type Seen = { readonly covered: Extent[]; readonly names: Set<string>; reachedByte: number }

async function* listed(
  reading: Reading,
  directory: Directory,
  covered: Extent[],
): AsyncGenerator<Member, void, undefined> {
  // One more than may be counted, so that passing the limit is noticed by the count itself.
  const { entries, fits } = readEntries(reading.source, directory, reading.membersLeft() + 1)
  if (!fits) reading.report({ kind: 'ambiguous', what: 'central directory and its count disagree' })
  entries.sort((one, other) => one.localStart - other.localStart)
  const seen: Seen = { covered, names: new Set(), reachedByte: 0 }
  for (const entry of entries) yield* listedEntry(reading, entry, seen)
}

async function* listedEntry(reading: Reading, entry: Entry, seen: Seen): AsyncGenerator<Member, void, undefined> {
  reading.take()
  const shown = memberName(entry.name)
  if (seen.names.has(entry.rawName)) reading.report({ kind: 'ambiguous', what: 'two members of this name' }, shown)
  seen.names.add(entry.rawName)
  const local = readLocal(reading.source, entry.localStart)
  if (!local) {
    reading.report({ kind: 'unscanned', why: 'zip member without its local header' }, shown)
    return
  }
  const dataStart = entry.localStart + local.recordBytes
  if (entry.localStart < seen.reachedByte) reading.report({ kind: 'ambiguous', what: 'members overlap' }, shown)
  seen.reachedByte = Math.max(seen.reachedByte, dataStart + entry.packedBytes)
  const differs = disagreement(entry, local)
  if (differs !== null) reading.report({ kind: 'ambiguous', what: differs }, shown)
  if (hidesData(reading, entry, local, dataStart)) {
    reading.report({ kind: 'ambiguous', what: 'the zip calls this member empty and it has data' }, shown)
    yield* streamed(reading, { ...local, name: entry.name }, dataStart, seen.covered)
  }
  for (const view of viewsOf(entry, local, differs !== null)) {
    if (isFolder(view)) seen.covered.push({ startByte: entry.localStart, endByte: dataStart })
    else yield memberOf(reading, view, dataStart, seen.covered)
  }
}

/** A reader of local headers inflates until the stream ends, whatever size and whatever kind the directory gives. */
function hidesData(reading: Reading, central: Entry, local: Entry, dataStart: number): boolean {
  if ((local.flags & SIZES_FOLLOW) === 0 || local.method !== 8) return false
  if (central.packedBytes > 0 || local.packedBytes > 0) return false
  // No deflate stream begins like the next record does.
  return reading.source.read(dataStart, dataStart + 2).toString('latin1') !== 'PK'
}

async function* streamed(
  reading: Reading,
  local: Entry,
  dataStart: number,
  covered: Extent[],
): AsyncGenerator<Member, void, undefined> {
  const packedBytes = reading.source.sizeBytes - dataStart
  const found: Extent[] = []
  yield memberOf(reading, { ...local, packedBytes, unpackedBytes: 0, crc: 0 }, dataStart, found)
  // Data that did not end by themselves must not cover what else is there.
  covered.push(...found.filter(extent => extent.endByte < reading.source.sizeBytes))
}

/** What the two records of one member say differently; null when they agree as far as the local one speaks. */
function disagreement(central: Entry, local: Entry): string | null {
  if (central.rawName !== local.rawName) return `the zip names this member twice, also ${memberName(local.name)}`
  if (central.method !== local.method) return 'the zip gives two methods for this member'
  if (isEncrypted(central) !== isEncrypted(local)) return 'the zip calls this member encrypted and not encrypted'
  const silent = (local.flags & SIZES_FOLLOW) !== 0 && local.packedBytes === 0 && local.unpackedBytes === 0
  if (silent) return null
  const same = central.packedBytes === local.packedBytes && central.unpackedBytes === local.unpackedBytes
  return same ? null : 'the zip gives two sizes for this member'
}

function viewsOf(central: Entry, local: Entry, differ: boolean): Entry[] {
  if (!differ) return [central]
  // A local header that leaves the sizes to later is read with those of the directory.
  const silent = (local.flags & SIZES_FOLLOW) !== 0 && local.packedBytes === 0
  const sizes = silent ? { packedBytes: central.packedBytes, unpackedBytes: central.unpackedBytes } : {}
  return [central, { ...local, ...sizes }]
}

function memberOf(reading: Reading, entry: Entry, dataStart: number, covered: Extent[]): Member {
  const name = memberName(entry.name)
  return {
    name,
    async extract(into) {
      const report = (fault: Fault) => reading.report(fault, name)
      const { extent, result } = await extractEntry(reading.source, entry, dataStart, into, report)
      covered.push({ startByte: entry.localStart, endByte: extent.endByte })
      return result
    },
  }
}

function isFolder(entry: Entry): boolean {
  return entry.rawName.endsWith('/') && entry.packedBytes === 0
}

/** Members that only a reader of local headers sees. Without a directory these are all there are. */
async function* unlisted(
  reading: Reading,
  covered: Extent[],
  hasDirectory: boolean,
): AsyncGenerator<Member, void, undefined> {
  const { source } = reading
  for (const gap of gapsBetween(covered, source.sizeBytes)) {
    let at = findUnlisted(reading, gap.startByte, gap.endByte)
    while (at !== null) {
      reading.take()
      const entry = readLocal(source, at)
      if (!entry) break
      const found: Extent[] = []
      if (hasDirectory) {
        reading.report({ kind: 'ambiguous', what: 'a member that the directory does not list' }, memberName(entry.name))
      }
      const dataStart = at + entry.recordBytes
      const bounded = withKnownSize(reading, entry, dataStart, gap.endByte)
      if (!isFolder(bounded)) yield memberOf(reading, bounded, dataStart, found)
      covered.push({ startByte: at, endByte: dataStart }, ...found)
      at = findUnlisted(reading, Math.max(dataStart, found[0]?.endByte ?? 0), gap.endByte)
    }
  }
}

/** What stands between the members and is none, before the last directory: as odd as what stands behind the zip. */
async function* between(
  reading: Reading,
  covered: readonly Extent[],
  directories: readonly Directory[],
): AsyncGenerator<Member, void, undefined> {
  const end = directories.reduce((latest, directory) => Math.max(latest, directory.endByte), 0)
  for (const gap of gapsBetween(covered, reading.source.sizeBytes)) {
    // What stands in front is the head of the whole, and is looked at with it.
    if (gap.startByte > 0 && gap.endByte <= end) yield* gapMember(reading, gap)
  }
}

/** Where the sizes follow the data, a deflate stream ends by itself and stored data ends at the record with its size. */
function withKnownSize(reading: Reading, entry: Entry, dataStart: number, endByte: number): Entry {
  if ((entry.flags & SIZES_FOLLOW) === 0 || entry.packedBytes > 0) return entry
  const nextRecord = entry.method === 0 ? findSignature(reading, dataStart, endByte, DESCRIPTOR_SIGNATURE) : null
  return { ...entry, packedBytes: Math.max(0, (nextRecord ?? endByte) - dataStart), unpackedBytes: 0, crc: 0 }
}

/** Stretches of at least a local header's size that nothing covers. */
function gapsBetween(covered: readonly Extent[], sizeBytes: number): Extent[] {
  const gaps: Extent[] = []
  let at = 0
  const sorted = [...covered].sort((one, other) => one.startByte - other.startByte)
  for (const extent of [...sorted, { startByte: sizeBytes, endByte: sizeBytes }]) {
    if (extent.startByte - at >= 30) gaps.push({ startByte: at, endByte: extent.startByte })
    at = Math.max(at, extent.endByte)
  }
  return gaps
}
