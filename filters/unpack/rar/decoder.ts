// unRAR, compiled to WebAssembly (node-unrar-js), used as a decoder only: it reads the archive through our source and
// writes into our sink, one member at a time. The package's own extractors keep a member whole in memory or put it
// under its own name on disk, so its inner class is driven here with file functions of ours.
import { createRequire } from 'node:module'
import type { Into, Source } from '../reader.js'

const require = createRequire(import.meta.url)

type Status = { readonly errCode: number }
type FileHeader = { readonly state: Status; readonly name: string; readonly unpSize: number; readonly crc: number }
type RarArchive = {
  open(path: string, password: string, listOnly: boolean): { readonly state: Status }
  getFileHeader(): FileHeader
  readFile(skip: boolean): Status
  delete(): void
}
type Unrar = { HEAPU8: Uint8Array; extractor: FileFunctions; RarArchive: new () => RarArchive }
/** What unRAR calls instead of a file system. */
type FileFunctions = {
  open(name: string): number
  create(name: string): number
  close(fd: number): void
  fileCreated(name: string): void
  read(fd: number, at: number, bytes: number): number
  write(fd: number, at: number, bytes: number): boolean
  tell(fd: number): number
  seek(fd: number, position: number, from: 'SET' | 'CUR' | 'END'): boolean
}

const ARCHIVE_NAME = 'archive.rar'
const ARCHIVE_FD = 1
const MEMBER_FD = 2
const NO_SUCH_FILE = 0
const END_OF_ARCHIVE = 10

/** unRAR's memory grows with the dictionaries it is asked for and never shrinks. */
const MOST_KEPT_BYTES = 32 * 1024 * 1024

/** One instance per thread. After an error that came from outside its stack is torn, and it is not used again. */
let instance: Unrar | null = null
let isTorn = false

async function loadUnrar(): Promise<Unrar> {
  if (isTorn) throw new Error('the RAR decoder has failed before')
  const instantiate = require('node-unrar-js/dist/js/unrar.js') as () => Promise<Unrar>
  return (instance ??= await instantiate())
}

/** Whether the memory of the decoder is better given back, which ends the thread. */
export function isDecoderWorn(): boolean {
  return isTorn || (instance !== null && instance.HEAPU8.length > MOST_KEPT_BYTES)
}

/** unRAR's error code in words; null: all went well. */
export type DecoderFault = string | null

export class RarDecoder {
  readonly #unrar: Unrar
  readonly #archive: RarArchive
  #position = 0
  #written = 0
  #into: Into | null = null

  /** `check` is asked before every read and may throw: it is the only way out of a decoder that writes nothing. */
  private constructor(
    unrar: Unrar,
    source: Source,
    private readonly check: () => void,
  ) {
    this.#unrar = unrar
    unrar.extractor = this.#functions(source)
    this.#archive = new unrar.RarArchive()
  }

  /** null: unRAR does not take it for an archive. */
  static async open(source: Source, check: () => void): Promise<RarDecoder | null> {
    const decoder = new RarDecoder(await loadUnrar(), source, check)
    if (decoder.#call(() => decoder.#archive.open(ARCHIVE_NAME, '', false)).state.errCode === 0) return decoder
    decoder.close()
    return null
  }

  /** The next header as unRAR sees it, the low 32 bits of its size; null at the end or where it cannot go on. */
  next(): { lowUnpackedBytes: number } | null {
    const header = this.#call(() => this.#archive.getFileHeader())
    return header.state.errCode === 0 ? { lowUnpackedBytes: header.unpSize >>> 0 } : null
  }

  skip(): DecoderFault {
    return faultOf(this.#call(() => this.#archive.readFile(true)))
  }

  /** The member of the last header. An error thrown by `into` ends the decoder and is passed on. */
  extract(into: Into): DecoderFault {
    this.#into = into
    const status = this.#call(() => this.#archive.readFile(false))
    this.#into = null
    return faultOf(status)
  }

  close(): void {
    if (!isTorn) this.#call(() => this.#archive.delete())
  }

  #call<T>(act: () => T): T {
    try {
      return act()
    } catch (error) {
      isTorn = true
      throw error
    }
  }

  #functions(source: Source): FileFunctions {
    return {
      open: name => (name === ARCHIVE_NAME ? ARCHIVE_FD : NO_SUCH_FILE),
      create: () => {
        this.#written = 0
        return MEMBER_FD
      },
      close: () => undefined,
      fileCreated: () => undefined,
      read: (_fd, at, bytes) => {
        this.check()
        const got = source.read(this.#position, this.#position + bytes)
        this.#unrar.HEAPU8.set(got, at)
        this.#position += got.length
        return got.length
      },
      write: (_fd, at, bytes) => {
        this.#into?.(this.#unrar.HEAPU8.subarray(at, at + bytes))
        this.#written += bytes
        return true
      },
      tell: fd => (fd === MEMBER_FD ? this.#written : this.#position),
      seek: (fd, position, from) => {
        const base = from === 'SET' ? 0 : from === 'CUR' ? this.#position : source.sizeBytes
        if (fd === ARCHIVE_FD) this.#position = Math.max(0, base + position)
        return true
      },
    }
  }
}

function faultOf(status: Status): DecoderFault {
  if (status.errCode === 0 || status.errCode === END_OF_ARCHIVE) return null
  return FAULTS[status.errCode] ?? `RAR not read (unRAR error ${status.errCode})`
}

const FAULTS: Readonly<Record<number, string>> = {
  11: 'RAR asks for too much memory',
  12: 'damaged RAR data',
  13: 'damaged RAR',
  14: 'RAR method is not read',
  15: 'RAR volume missing',
  22: 'RAR is encrypted',
}
