// Reads RAR 1.5 to 4 and RAR 5. Headers and stored members are read here; compressed members go through unRAR, whose
// view of the archive is held against ours. What is encrypted or lies in another volume is a finding.
import { crc32 } from 'node:zlib'
import { CHUNK_BYTES } from '../../../mail/limits.js'
import { memberName } from '../member-name.js'
import type { ArchiveReader, Into, Member, Reading } from '../reader.js'
import { trailingMember } from '../trailing.js'
import type { RarBlock, RarFile } from './blocks.js'
import { isDecoderWorn, RarDecoder } from './decoder.js'
import { rar4Blocks } from './rar4-blocks.js'
import { rar5Blocks } from './rar5-blocks.js'

export const readRar: ArchiveReader = async function* (reading) {
  const { source } = reading
  const signature = source.read(0, 8)
  if (signature.toString('latin1', 0, 4) === 'RE~^') {
    reading.report({ kind: 'unscanned', why: 'RAR of before version 1.5 is not read' })
    return
  }
  const state = new RarState(reading)
  try {
    for (const block of signature[6] === 1 ? rar5Blocks(source) : rar4Blocks(source)) {
      if (block.kind === 'file') yield* state.member(block)
      else if (block.kind === 'end') {
        if (block.moreVolumes) reading.report({ kind: 'unscanned', why: 'RAR volume missing' })
        if (!reading.isInside) yield* trailingMember(reading, block.endByte, 'data after the end of the RAR')
      } else state.note(block)
    }
  } finally {
    state.close()
  }
}

class RarState {
  #isSolid = false
  /** Files seen so far, as unRAR counts them. */
  #files = 0
  /** A solid member that was not read takes the ones behind it with it. */
  #isBroken = false
  #decoder: RarDecoder | null = null
  #decoded = 0

  constructor(private readonly reading: Reading) {}

  note(block: Exclude<RarBlock, RarFile>): void {
    if (block.kind === 'main') this.#isSolid = block.isSolid
    if (block.kind === 'encryptedHeaders') this.reading.report({ kind: 'encrypted' })
    if (block.kind === 'damaged') this.reading.report({ kind: 'unscanned', why: block.why })
  }

  *member(file: RarFile): Generator<Member, void, undefined> {
    this.reading.take()
    const index = file.isService ? this.#files : this.#files++
    if (!file.isPlainFile && file.packedBytes === 0) return
    const name = memberName(file.name)
    if (file.isEncrypted) this.reading.report({ kind: 'encrypted' }, name)
    else if (file.isSplit) this.reading.report({ kind: 'unscanned', why: 'RAR volume missing' }, name)
    else if (file.method === 'stored') return yield { name, extract: async into => this.#copy(file, name, into) }
    else if (file.isService) this.reading.report({ kind: 'unscanned', why: 'compressed service data of a RAR' }, name)
    else if (file.dictionaryBytes > this.reading.limits.maxDictionaryBytes) {
      this.reading.report({ kind: 'overLimit', limit: 'maxDictionaryBytes' }, name)
    } else return yield { name, extract: into => this.#decode(file, index, name, into) }
    if (this.#isSolid && !file.isService) this.#isBroken = true
  }

  close(): void {
    try {
      this.#decoder?.close()
    } finally {
      if (isDecoderWorn()) this.reading.retireThread()
    }
  }

  #copy(file: RarFile, name: string, into: Into): 'content' {
    const { source } = this.reading
    const end = Math.min(file.dataStart + file.packedBytes, source.sizeBytes)
    let crc = 0
    for (let at = file.dataStart; at < end; at += CHUNK_BYTES) {
      const chunk = source.read(at, Math.min(at + CHUNK_BYTES, end))
      into(chunk)
      crc = crc32(chunk, crc)
    }
    const whole = file.dataStart + file.packedBytes <= source.sizeBytes
    const declared = file.packedBytes === file.unpackedBytes && (file.crc === null || file.crc === crc)
    // A member that is cut short shows again as the archive's own end that is missing.
    if (whole && !declared) this.reading.report({ kind: 'ambiguous', what: 'declared size or checksum is wrong' }, name)
    return 'content'
  }

  async #decode(file: RarFile, index: number, name: string, into: Into): Promise<'content' | 'nothing'> {
    const unscanned = (why: string) => this.reading.report({ kind: 'unscanned', why }, name)
    if (this.#isBroken) {
      unscanned('RAR member depends on one that could not be read')
      return 'nothing'
    }
    const fault = await this.#advanceTo(file, index)
    if (fault !== null) {
      unscanned(fault)
      return 'nothing'
    }
    this.#decoded++
    let bytes = 0
    const failed = this.#decoder?.extract(chunk => {
      into(chunk)
      bytes += chunk.length
    })
    if (failed) {
      unscanned(failed)
      this.#isBroken ||= this.#isSolid
    } else if (file.packedBytes > 0 && (bytes === 0 || (!file.isPlainFile && bytes !== file.unpackedBytes))) {
      // unRAR makes a folder or a link of it and leaves the data; other programs may not.
      unscanned(file.isPlainFile ? 'RAR member without content' : 'data of a link or folder in a RAR')
    } else if (bytes !== file.unpackedBytes) {
      this.reading.report({ kind: 'ambiguous', what: 'declared size or checksum is wrong' }, name)
    }
    return 'content'
  }

  /** Brings unRAR to this member; says why it cannot be brought there. */
  async #advanceTo(file: RarFile, index: number): Promise<string | null> {
    this.#decoder ??= await RarDecoder.open(this.reading.source, () => this.reading.check())
    if (!this.#decoder) return 'damaged RAR'
    for (;;) {
      const header = this.#decoder.next()
      if (!header) return 'damaged RAR'
      if (this.#decoded === index) {
        return header.lowUnpackedBytes === file.unpackedBytes % 2 ** 32 ? null : 'two readings of the RAR headers'
      }
      this.#decoded++
      const fault = this.#decoder.skip()
      if (fault !== null) return fault
    }
  }
}
