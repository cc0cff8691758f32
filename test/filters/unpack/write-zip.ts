// Writes zips, honest ones and ones that lie: what the local header and the directory say can be set apart.
import { crc32, deflateRawSync } from 'node:zlib'

/** The fields of a record; what is given replaces the truth. */
export type ZipRecord = {
  name?: string | Buffer
  flags?: number
  method?: number
  crc?: number
  packedBytes?: number
  unpackedBytes?: number
  localStart?: number
}

export type ZipFile = {
  readonly name: string
  readonly content: Buffer | string
  readonly stored?: boolean
  /** Already deflated: content is then left aside but for its checksum and size, which `both` should give. */
  readonly deflated?: Buffer
  /** Lies in both records. */
  readonly both?: ZipRecord
  /** Lies in the local header only. */
  readonly local?: ZipRecord
  /** Lies in the directory only. */
  readonly central?: ZipRecord
  readonly hiddenFromDirectory?: boolean
}

export type ZipShape = {
  readonly before?: Buffer
  readonly after?: Buffer
  /** Offsets count from the first byte of `before`, as self-extractors have it after they were adjusted. */
  readonly offsetsCountBefore?: boolean
  readonly withoutDirectory?: boolean
  readonly zip64?: boolean
}

export function zip(files: readonly ZipFile[], shape: ZipShape = {}): Buffer {
  const before = shape.before ?? Buffer.alloc(0)
  const locals: Buffer[] = []
  const centrals: Buffer[] = []
  let at = shape.offsetsCountBefore ? before.length : 0
  for (const file of files) {
    const written = writeFile(file, at, shape.zip64 ?? false)
    locals.push(written.local)
    if (!file.hiddenFromDirectory) centrals.push(written.central)
    at += written.local.length
  }
  if (shape.withoutDirectory) return Buffer.concat([before, ...locals])
  const directory = Buffer.concat(centrals)
  const end = endRecords(directory.length, centrals.length, at, shape.zip64 ?? false)
  return Buffer.concat([before, ...locals, directory, end, shape.after ?? Buffer.alloc(0)])
}

function writeFile(file: ZipFile, at: number, zip64: boolean): { local: Buffer; central: Buffer } {
  const content = Buffer.from(file.content)
  const data = file.deflated ?? (file.stored ? content : deflateRawSync(content))
  const truth = {
    name: file.name as string | Buffer,
    flags: 0x0800,
    method: file.stored ? 0 : 8,
    crc: crc32(content),
    packedBytes: data.length,
    unpackedBytes: content.length,
    localStart: at,
  }
  const local = recordBytes({ ...truth, ...file.both, ...file.local }, 'local', zip64)
  const central = recordBytes({ ...truth, ...file.both, ...file.central }, 'central', zip64)
  return { local: Buffer.concat([local, data]), central }
}

function recordBytes(record: Required<ZipRecord>, kind: 'local' | 'central', zip64: boolean): Buffer {
  const name = Buffer.from(record.name)
  const extra = zip64 ? zip64Field(record, kind) : Buffer.alloc(0)
  const large = (value: number) => (zip64 ? 0xffffffff : value)
  const bytes = Buffer.alloc(kind === 'local' ? 30 : 46)
  bytes.writeUInt32LE(kind === 'local' ? 0x04034b50 : 0x02014b50, 0)
  const at = kind === 'local' ? 4 : 6
  bytes.writeUInt16LE(20, at)
  bytes.writeUInt16LE(record.flags, at + 2)
  bytes.writeUInt16LE(record.method, at + 4)
  bytes.writeUInt32LE(record.crc, at + 10)
  bytes.writeUInt32LE(large(record.packedBytes), at + 14)
  bytes.writeUInt32LE(large(record.unpackedBytes), at + 18)
  bytes.writeUInt16LE(name.length, at + 22)
  bytes.writeUInt16LE(extra.length, at + 24)
  if (kind === 'central') bytes.writeUInt32LE(large(record.localStart), 42)
  return Buffer.concat([bytes, name, extra])
}

function zip64Field(record: Required<ZipRecord>, kind: 'local' | 'central'): Buffer {
  const values = [record.unpackedBytes, record.packedBytes, ...(kind === 'central' ? [record.localStart] : [])]
  const field = Buffer.alloc(4 + 8 * values.length)
  field.writeUInt16LE(1, 0)
  field.writeUInt16LE(8 * values.length, 2)
  values.forEach((value, index) => field.writeBigUInt64LE(BigInt(value), 4 + 8 * index))
  return field
}

function endRecords(directoryBytes: number, entries: number, directoryStart: number, zip64: boolean): Buffer {
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(zip64 ? 0xffff : entries % 65_536, 8)
  end.writeUInt16LE(zip64 ? 0xffff : entries % 65_536, 10)
  end.writeUInt32LE(zip64 ? 0xffffffff : directoryBytes, 12)
  end.writeUInt32LE(zip64 ? 0xffffffff : directoryStart, 16)
  if (!zip64) return end
  const end64 = Buffer.alloc(56 + 20)
  end64.writeUInt32LE(0x06064b50, 0)
  end64.writeBigUInt64LE(44n, 4)
  end64.writeBigUInt64LE(BigInt(entries), 24)
  end64.writeBigUInt64LE(BigInt(entries), 32)
  end64.writeBigUInt64LE(BigInt(directoryBytes), 40)
  end64.writeBigUInt64LE(BigInt(directoryStart), 48)
  end64.writeUInt32LE(0x07064b50, 56)
  end64.writeBigUInt64LE(BigInt(directoryStart + directoryBytes), 64)
  end64.writeUInt32LE(1, 72)
  return Buffer.concat([end64, end])
}
