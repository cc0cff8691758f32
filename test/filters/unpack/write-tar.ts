// Writes tars: ustar headers, with pax records or GNU long names before them where they are asked for.

export type TarFile = {
  readonly name: string
  readonly content: Buffer | string
  readonly type?: string
  readonly pax?: Readonly<Record<string, string>>
  readonly gnuLongName?: string
  /** Lies about the size. */
  readonly declaredBytes?: number
  readonly badChecksum?: boolean
  /** How the checksum is written in place of six digits. */
  readonly checksum?: 'eightDigits' | 'base256'
}

const BLOCK_BYTES = 512

export function tar(files: readonly TarFile[], withEnd = true): Buffer {
  const end = withEnd ? Buffer.alloc(2 * BLOCK_BYTES) : Buffer.alloc(0)
  return Buffer.concat([...files.flatMap(tarFile), end])
}

function tarFile(file: TarFile): Buffer[] {
  const content = Buffer.from(file.content)
  const blocks: Buffer[] = []
  if (file.pax) {
    const records = Buffer.from(Object.entries(file.pax).map(paxRecord).join(''))
    blocks.push(header({ name: 'PaxHeader', sizeBytes: records.length, type: 'x' }), padded(records))
  }
  if (file.gnuLongName !== undefined) {
    const name = Buffer.from(`${file.gnuLongName}\0`)
    blocks.push(header({ name: '././@LongLink', sizeBytes: name.length, type: 'L' }), padded(name))
  }
  const own = header({ name: file.name, sizeBytes: file.declaredBytes ?? content.length, type: file.type ?? '0' })
  if (file.badChecksum) own.write('000001\0 ', 148, 'latin1')
  const sum = parseInt(own.toString('latin1', 148, 154), 8)
  if (file.checksum === 'eightDigits') own.write(sum.toString(8).padStart(8, '0'), 148, 'latin1')
  if (file.checksum === 'base256') own.writeBigUInt64BE(2n ** 63n + BigInt(sum), 148)
  return [...blocks, own, padded(content)]
}

/** Each record begins with its own length, the digits of the length included. */
function paxRecord([key, value]: [string, string]): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + 1
  while (String(length).length + rest !== length) length++
  return `${length} ${key}=${value}\n`
}

function header(member: { name: string; sizeBytes: number; type: string }): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES)
  block.write(member.name.slice(0, 100), 0, 'utf8')
  block.write('0000644\0', 100, 'latin1')
  block.write(`${member.sizeBytes.toString(8).padStart(11, '0')}\0`, 124, 'latin1')
  block.write('00000000000\0', 136, 'latin1')
  block.write('        ', 148, 'latin1')
  block.write(member.type, 156, 'latin1')
  block.write('ustar\x0000', 257, 'latin1')
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES)])
}
