// Which archives lie in these bytes? Decided by content alone: first bytes, tar's checksum, zip's end record in the
// last 64 KiB, and RAR's signature in a bounded window, because self-extractors put a program in front.
// One content can be two archives at once; then both are read and the content is called ambiguous.

export type Format = 'zip' | 'gzip' | 'tar' | 'rar'

export type Recognised = {
  readonly format: Format
  readonly startByte: number
  /** Lies inside of another archive, as a stored member does: that something follows it is not odd. */
  readonly isInside?: true
}

export type Recognition = {
  readonly archives: readonly Recognised[]
  /** Two formats that different programs would each open as the whole. */
  readonly ambiguous: string | null
}

/** At once from memory, later from a file. */
export type ReadRange = (startByte: number, endByte: number) => Buffer | Promise<Buffer>

const RAR_SIGNATURE = Buffer.from('Rar!\x1a\x07', 'latin1')
const ZIP_END = Buffer.from('PK\x05\x06', 'latin1')
const ZIP_END_WINDOW = 65_535 + 22
/** unrar looks for a self-extractor's archive in the first 4 MiB of anything. */
const RAR_WINDOW = 4 * 1024 * 1024
const STEP_BYTES = 64 * 1024

export async function recognise(read: ReadRange, sizeBytes: number): Promise<Recognition> {
  if (sizeBytes < 18) return NOTHING
  const head = await read(0, Math.min(sizeBytes, 1024))
  const format = formatOfHead(head)
  const rarStart = format === 'rar' ? null : await findRar(read, Math.min(sizeBytes, RAR_WINDOW))
  const rarInside: Recognised[] = rarStart === null ? [] : [{ format: 'rar', startByte: rarStart, isInside: true }]
  if (format === 'zip') return { archives: [{ format, startByte: 0 }, ...rarInside], ambiguous: null }
  const zip = await zipAtEnd(read, sizeBytes)
  if (format !== null) {
    // A zip stored in a tar or RAR ends near the end too; only offsets counted from byte 0 make it the whole.
    const both = zip !== null && zip.prefixBytes === 0
    return {
      archives: both
        ? [{ format, startByte: 0 }, { format: 'zip', startByte: 0 }, ...rarInside]
        : [{ format, startByte: 0 }, ...rarInside],
      ambiguous: both ? `both ${format} and zip` : null,
    }
  }
  const archives: Recognised[] = []
  if (zip !== null && rarStart !== null && rarStart >= zip.prefixBytes) archives.push(...rarInside)
  else if (rarStart !== null) archives.push({ format: 'rar', startByte: rarStart })
  if (zip !== null) archives.push({ format: 'zip', startByte: 0 })
  return archives.length === 0 ? NOTHING : { archives, ambiguous: null }
}

const NOTHING: Recognition = { archives: [], ambiguous: null }

/** A program may carry an archive behind it without that being odd. */
export function isProgram(head: Buffer): boolean {
  const magic = head.toString('latin1', 0, 4)
  return magic.startsWith('MZ') || magic === '\x7fELF' || magic.startsWith('#!')
}

function formatOfHead(head: Buffer): Format | null {
  const magic = head.toString('latin1', 0, 8)
  // PK\7\8 and PK00 mark a zip that was to be split, with the usual records after it (APPNOTE 8.5.4).
  if (/^PK(\x03\x04|\x05\x06|\x07\x08PK\x03\x04|00PK\x03\x04)/.test(magic)) return 'zip'
  if (magic.startsWith('Rar!\x1a\x07\x00') || magic.startsWith('Rar!\x1a\x07\x01\x00')) return 'rar'
  if (magic.startsWith('RE~^')) return 'rar'
  if (head[0] === 0x1f && head[1] === 0x8b && head[2] === 8 && ((head[3] ?? 0xff) & 0xe0) === 0) return 'gzip'
  return head.length >= 512 && isTarHeader(head) ? 'tar' : null
}

/** Tar has no reliable magic; every kind of it has the checksum (POSIX pax, ustar header block). */
export function isTarHeader(block: Buffer): boolean {
  const declared = declaredSum(block.subarray(148, 156))
  if (declared === null) return false
  let unsigned = 8 * 0x20
  let signed = unsigned
  for (let at = 0; at < 512; at++) {
    if (at >= 148 && at < 156) continue
    const byte = block[at] ?? 0
    unsigned += byte
    signed += byte > 127 ? byte - 256 : byte
  }
  // The sum of an empty block is 256: nothing but zeros is no header.
  return unsigned > 256 && (declared === unsigned || declared === signed)
}

/** Octal digits with or without an end, or GNU's base-256: whether it is a header is for the sum itself to say. */
function declaredSum(field: Buffer): number | null {
  if (field[0] === 0x80) return Number(BigInt(`0x${field.toString('hex', 1)}`))
  const digits = /^[ \0]*([0-7]{1,8})/.exec(field.toString('latin1'))?.[1]
  return digits === undefined ? null : parseInt(digits, 8)
}

/** `prefixBytes`: how far the offsets in the zip are from where things lie, i.e. how much was put in front. */
async function zipAtEnd(read: ReadRange, sizeBytes: number): Promise<{ prefixBytes: number } | null> {
  const tailStart = Math.max(0, sizeBytes - ZIP_END_WINDOW)
  const tail = await read(tailStart, sizeBytes)
  for (let at = tail.lastIndexOf(ZIP_END), tries = 0; at >= 0 && tries < 8; tries++) {
    if (at + 22 <= tail.length) {
      const directoryBytes = tail.readUInt32LE(at + 12)
      const directoryStart = tailStart + at - directoryBytes
      const zip64 = directoryBytes === 0xffffffff
      if (zip64) return { prefixBytes: 0 }
      if (directoryBytes >= 46 && directoryStart >= 0) {
        const signature = await read(directoryStart, directoryStart + 4)
        if (signature.toString('latin1') === 'PK\x01\x02') {
          return { prefixBytes: Math.max(0, directoryStart - tail.readUInt32LE(at + 16)) }
        }
      }
    }
    at = at === 0 ? -1 : tail.lastIndexOf(ZIP_END, at - 1)
  }
  return null
}

async function findRar(read: ReadRange, windowBytes: number): Promise<number | null> {
  for (let from = 0; from < windowBytes; from += STEP_BYTES) {
    // Overlaps the next step so that a signature across the edge, with its first header, is seen whole.
    const step = await read(from, Math.min(from + STEP_BYTES + 64, windowBytes + 64))
    for (let at = step.indexOf(RAR_SIGNATURE); at >= 0; at = step.indexOf(RAR_SIGNATURE, at + 1)) {
      if (startsRar(step.subarray(at))) return from + at
    }
    if (step.length < STEP_BYTES) break
  }
  return null
}

/** The signature alone also stands in programs that know RAR; a first header of a sane kind must follow. */
function startsRar(bytes: Buffer): boolean {
  if (bytes.length < 20) return false
  if (bytes[6] === 0) return bytes[9] === 0x73 && bytes.readUInt16LE(12) >= 13
  // RAR5: checksum, then the header's length, then its type: 1 main, 4 encryption.
  return bytes[6] === 1 && bytes[7] === 0 && (bytes[12] ?? 0x80) < 0x80 && (bytes[13] === 1 || bytes[13] === 4)
}
