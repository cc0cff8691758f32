// Reads gzip (RFC 1952): all its members are one file, as gunzip gives them out. The name is the one in the first
// header, else the archive's own without .gz.
import { crc32 } from 'node:zlib'
import { inflate } from '../inflate.js'
import { decodeName, memberName } from '../member-name.js'
import type { ArchiveReader, Fault, Into, Source } from '../reader.js'
import { trailingMember } from '../trailing.js'

type GzipHeader = { readonly name: Buffer | null; readonly dataStart: number }

/** Longer names and comments than this are no header that any program writes. */
const MAX_HEADER_BYTES = 128 * 1024

export const readGzip: ArchiveReader = async function* (reading) {
  const { source } = reading
  const first = readHeader(source, 0)
  if (!first) {
    reading.report({ kind: 'unscanned', why: 'damaged gzip header' })
    return
  }
  const name = memberName(first.name ? decodeName(first.name) : unpackedName(reading.archiveName))
  let endByte = 0
  reading.take()
  yield {
    name,
    async extract(into) {
      endByte = await gunzip(source, first, into, fault => reading.report(fault, name))
      return 'content'
    },
  }
  yield* trailingMember(reading, endByte, 'data after the end of the gzip stream')
}

/** Where the last member ended; the source's end when it did not. */
async function gunzip(source: Source, first: GzipHeader, into: Into, report: (fault: Fault) => void): Promise<number> {
  let header: GzipHeader | null = first
  let endByte = 0
  while (header) {
    let crc = 0
    let bytes = 0
    const { consumedBytes, fault } = await inflate(source, header.dataStart, source.sizeBytes, chunk => {
      into(chunk)
      bytes += chunk.length
      crc = crc32(chunk, crc)
    })
    const trailer = source.read(header.dataStart + consumedBytes, header.dataStart + consumedBytes + 8)
    if (fault !== null || trailer.length < 8) {
      report({ kind: 'unscanned', why: `gzip ${fault ?? 'cut short'}` })
      return source.sizeBytes
    }
    if (trailer.readUInt32LE(0) !== crc || trailer.readUInt32LE(4) !== bytes % 2 ** 32) {
      report({ kind: 'ambiguous', what: 'declared size or checksum is wrong' })
    }
    endByte = header.dataStart + consumedBytes + 8
    header = readHeader(source, endByte)
  }
  return endByte
}

function readHeader(source: Source, at: number): GzipHeader | null {
  const head = source.read(at, at + 10)
  if (head.length < 10 || head[0] !== 0x1f || head[1] !== 0x8b || head[2] !== 8) return null
  const flags = head[3] ?? 0
  if ((flags & 0xe0) !== 0) return null
  const rest = source.read(at + 10, at + 10 + MAX_HEADER_BYTES)
  let used = 0
  if (flags & 0x04) used = rest.length < 2 ? rest.length + 1 : 2 + rest.readUInt16LE(0)
  let name: Buffer | null = null
  for (const flag of [0x08, 0x10]) {
    if (!(flags & flag)) continue
    const end = rest.indexOf(0, used)
    if (end < 0) return null
    if (flag === 0x08) name = rest.subarray(used, end)
    used = end + 1
  }
  if (flags & 0x02) used += 2
  return used > rest.length ? null : { name, dataStart: at + 10 + used }
}

function unpackedName(archiveName: string): string {
  if (/\.tgz$/i.test(archiveName)) return archiveName.replace(/\.tgz$/i, '.tar')
  return /.\.gz$/i.test(archiveName) ? archiveName.slice(0, -3) : `${archiveName} (unpacked)`
}
