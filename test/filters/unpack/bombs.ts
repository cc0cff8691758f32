// Archives made to exhaust whoever opens them, written in little time: the compressed zeros are one block, repeated.
import { constants, crc32, createDeflateRaw, gzipSync } from 'node:zlib'
import { packedZeros5, storedRar5 } from './write-rar.js'
import { zip } from './write-zip.js'

const MIB = 1024 * 1024

/** A deflate stream of so many MiB of zeros. A full flush leaves nothing open, so the block repeats as it is. */
export async function deflatedZeros(mebibytes: number): Promise<Buffer> {
  const block = await deflatedBlock(Buffer.alloc(MIB))
  const end = Buffer.from([0x03, 0x00])
  return Buffer.concat([...Array<Buffer>(mebibytes).fill(block), end])
}

async function deflatedBlock(content: Buffer): Promise<Buffer> {
  const deflate = createDeflateRaw({ level: 9 })
  const chunks: Buffer[] = []
  deflate.on('data', (chunk: Buffer) => chunks.push(chunk))
  deflate.write(content)
  await new Promise<void>(resolve => deflate.flush(constants.Z_FULL_FLUSH, resolve))
  return Buffer.concat(chunks)
}

/** One member of so many MiB of zeros, about a thousandth of that as a zip. */
export async function zipBomb(mebibytes: number): Promise<Buffer> {
  const deflated = await deflatedZeros(mebibytes)
  const unpackedBytes = Math.min(mebibytes * MIB, 0xffffffff)
  return zip([{ name: 'zeros', content: '', deflated, both: { unpackedBytes, crc: 0x12345678 } }])
}

export async function gzipBomb(mebibytes: number): Promise<Buffer> {
  const trailer = Buffer.alloc(8)
  const head = gzipSync(Buffer.alloc(0)).subarray(0, 10)
  return Buffer.concat([head, await deflatedZeros(mebibytes), trailer])
}

/** A thirtieth of a thousandth of what comes out. The decoder keeps 32 MiB of it in memory, the most we let it. */
export function rarBomb(mebibytes: number, dictionaryPower = 8): Buffer {
  const bytes = mebibytes * MIB
  return storedRar5([
    { name: 'zeros', content: '', packed: packedZeros5(bytes), method: 3, declaredBytes: bytes, dictionaryPower },
  ])
}

/** Every entry of the directory points at the same data. */
export async function overlappingZip(entries: number, mebibytesEach: number): Promise<Buffer> {
  const deflated = await deflatedZeros(mebibytesEach)
  const content = Buffer.alloc(mebibytesEach * MIB)
  const both = { unpackedBytes: content.length, crc: crc32(content) }
  const one = zip([{ name: 'a', content: '', deflated, both }])
  const directoryStart = one.readUInt32LE(one.length - 6)
  const entry = one.subarray(directoryStart, one.length - 22)
  const end = Buffer.from(one.subarray(one.length - 22))
  end.writeUInt16LE(entries, 8)
  end.writeUInt16LE(entries, 10)
  end.writeUInt32LE(entry.length * entries, 12)
  return Buffer.concat([one.subarray(0, directoryStart), ...Array<Buffer>(entries).fill(entry), end])
}

/** A zip in a zip in a zip. */
export function nestedZip(depth: number): Buffer {
  let inner: Buffer = Buffer.from('the middle')
  for (let level = 0; level < depth; level++) inner = zip([{ name: `level${level}.zip`, content: inner, stored: true }])
  return inner
}

/** As many empty members as asked for; written by hand, because a million objects take longer than their bytes. */
export function emptyMembersZip(count: number): Buffer {
  const [local, central] = [Buffer.alloc(38), Buffer.alloc(54)]
  local.writeUInt32LE(0x04034b50, 0)
  local.writeUInt16LE(8, 26)
  central.writeUInt32LE(0x02014b50, 0)
  central.writeUInt16LE(8, 28)
  const bytes = Buffer.alloc(count * (local.length + central.length) + 22)
  for (let index = 0; index < count; index++) {
    const name = index.toString(16).padStart(8, '0')
    const localAt = index * local.length
    const centralAt = count * local.length + index * central.length
    local.copy(bytes, localAt)
    bytes.write(name, localAt + 30, 'latin1')
    central.copy(bytes, centralAt)
    bytes.writeUInt32LE(localAt, centralAt + 42)
    bytes.write(name, centralAt + 46, 'latin1')
  }
  const end = bytes.length - 22
  bytes.writeUInt32LE(0x06054b50, end)
  bytes.writeUInt16LE(count % 65_536, end + 8)
  bytes.writeUInt16LE(count % 65_536, end + 10)
  bytes.writeUInt32LE(count * central.length, end + 12)
  bytes.writeUInt32LE(count * local.length, end + 16)
  return bytes
}
