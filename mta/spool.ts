// Holds the bytes of a message from its arrival until every recipient has been dealt with: in memory up to a
// limit, above it in a private file whose name is gone as soon as it is open, so that a crash leaves nothing.
// A disk that fails is never an exception here: finish() answers with an outcome that says "try later", and
// whatever is written after the fault is dropped. The sender still has the message.
import { hash, createHash, randomBytes } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, readdir, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { CHUNK_BYTES } from '../mail/limits.js'
import type { Outcome } from '../mail/outcome.js'
import type { MessageBytes, Spooled } from '../mail/spooled.js'
import type { SpoolSettings } from './spool-settings.js'

export type Spool = {
  readonly maxMessageBytes: number
  /** Makes the directory and removes what a crash between opening and unlinking left there. Run once, at start. */
  prepare(): Promise<void>
  open(): SpoolWriter
}

export type SpoolResult =
  | { readonly kind: 'spooled'; readonly spooled: Spooled; /** Never rejects. */ readonly dispose: () => Promise<void> }
  | { readonly kind: 'failed'; readonly outcome: Outcome }

export interface SpoolWriter {
  readonly sizeBytes: number
  /**
   * Takes over the piece; nobody may change it afterwards. A promise means "send nothing more until this is
   * done" and never rejects; undefined means that the piece is already kept.
   */
  write(piece: Buffer): Promise<void> | undefined
  /** No write may be under way. */
  finish(): Promise<SpoolResult>
  /** Forgets everything; waits for a write under way. */
  discard(): Promise<void>
}

const NAME_PREFIX = 'mailweir-spool-'
const OUR_NAME = /^mailweir-spool-[0-9a-f]{24}$/
/** The first size of the buffer that gathers small pieces: a slow client costs this, not one object per packet. */
const GATHER_BYTES = 8 * 1024

export function createSpool(settings: SpoolSettings): Spool {
  return {
    maxMessageBytes: settings.maxMessageBytes,
    prepare: () => prepareDirectory(settings.directory),
    open: () => new Writer(settings),
  }
}

async function prepareDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const leftovers = (await readdir(directory)).filter(name => OUR_NAME.test(name))
  await Promise.all(leftovers.map(name => unlinkUnlessGone(join(directory, name))))
}

// Another worker may start at the same moment and remove the same leftovers.
async function unlinkUnlessGone(path: string): Promise<void> {
  await unlink(path).catch((fault: unknown) => {
    if ((fault as NodeJS.ErrnoException).code !== 'ENOENT') throw fault
  })
}

async function openPrivateFile(directory: string): Promise<FileHandle> {
  const path = join(directory, NAME_PREFIX + randomBytes(12).toString('hex'))
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const file = await open(path, flags, 0o600)
  try {
    await unlinkUnlessGone(path)
  } catch (fault) {
    await file.close()
    throw fault
  }
  return file
}

class Writer implements SpoolWriter {
  sizeBytes = 0
  /** What has arrived, in the first `sizeBytes` bytes; null once it lies in the file. */
  private gathered: Buffer | null = EMPTY
  private file: FileHandle | null = null
  private digest: Hash | null = null
  private fault: unknown = null
  private underWay: Promise<void> | undefined
  private discarded = false

  constructor(private readonly settings: SpoolSettings) {}

  write(piece: Buffer): Promise<void> | undefined {
    if (piece.length === 0 || this.fault !== null || this.discarded) return undefined
    const before = this.sizeBytes
    this.sizeBytes += piece.length
    if (this.gathered !== null && this.sizeBytes <= this.settings.memoryBytes) {
      this.gathered = this.gathered === EMPTY ? piece : appended(this.gathered, before, piece)
      return undefined
    }
    this.underWay = this.writeToFile(piece, before).catch((fault: unknown) => {
      this.fault = fault ?? new Error('unknown fault')
      this.gathered = null
    })
    return this.underWay
  }

  private async writeToFile(piece: Buffer, position: number): Promise<void> {
    const gathered = this.gathered
    if (gathered !== null) {
      this.gathered = null
      this.digest = createHash('sha256')
      this.file = await openPrivateFile(this.settings.directory)
      await this.append(gathered.subarray(0, position), 0)
    }
    await this.append(piece, position)
  }

  private async append(bytes: Buffer, position: number): Promise<void> {
    this.digest!.update(bytes)
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.file!.write(bytes, done, bytes.length - done, position + done)
      done += bytesWritten
    }
  }

  async finish(): Promise<SpoolResult> {
    await this.underWay
    if (this.fault !== null) return this.failed()
    if (this.gathered !== null) return inMemory(this.gathered.subarray(0, this.sizeBytes))
    const file = this.file!
    const bytes = new FileBytes(file, this.sizeBytes)
    const spooled = { bytes, sizeBytes: this.sizeBytes, sha256: this.digest!.digest('hex') }
    // The message has been dealt with: a file that does not close must not change the answer.
    return { kind: 'spooled', spooled, dispose: () => file.close().catch(() => undefined) }
  }

  private async failed(): Promise<SpoolResult> {
    await this.closeFile()
    const text = '4.3.1 the message cannot be stored now'
    return { kind: 'failed', outcome: { kind: 'tryLater', text, cause: this.fault } }
  }

  async discard(): Promise<void> {
    this.discarded = true
    await this.underWay
    this.gathered = null
    await this.closeFile()
  }

  private async closeFile(): Promise<void> {
    const file = this.file
    this.file = null
    await file?.close()
  }
}

const EMPTY = Buffer.alloc(0)

// Doubles, so that a message in single bytes costs no more copying than one in large pieces.
function appended(gathered: Buffer, usedBytes: number, piece: Buffer): Buffer {
  const neededBytes = usedBytes + piece.length
  let target = gathered
  if (neededBytes > gathered.length) {
    target = Buffer.allocUnsafeSlow(Math.max(GATHER_BYTES, neededBytes, 2 * usedBytes))
    gathered.copy(target, 0, 0, usedBytes)
  }
  piece.copy(target, usedBytes)
  return target
}

function inMemory(message: Buffer): SpoolResult {
  const bytes = new BufferBytes(message)
  const spooled = { bytes, sizeBytes: message.length, sha256: hash('sha256', message, 'hex') }
  return { kind: 'spooled', spooled, dispose: () => Promise.resolve() }
}

class BufferBytes implements MessageBytes {
  readonly sizeBytes: number

  constructor(readonly inMemory: Buffer) {
    this.sizeBytes = inMemory.length
  }

  async read(startByte: number, endByte: number): Promise<Buffer> {
    checkRange(this.sizeBytes, startByte, endByte)
    return this.inMemory.subarray(startByte, endByte)
  }

  async *stream(startByte: number, endByte: number): AsyncGenerator<Buffer> {
    checkRange(this.sizeBytes, startByte, endByte)
    for (let from = startByte; from < endByte; from += CHUNK_BYTES) {
      yield this.inMemory.subarray(from, Math.min(from + CHUNK_BYTES, endByte))
    }
  }
}

class FileBytes implements MessageBytes {
  readonly inMemory = null

  constructor(
    private readonly file: FileHandle,
    readonly sizeBytes: number,
  ) {}

  async read(startByte: number, endByte: number): Promise<Buffer> {
    checkRange(this.sizeBytes, startByte, endByte)
    const range = Buffer.allocUnsafe(endByte - startByte)
    for (let done = 0; done < range.length;) {
      const { bytesRead } = await this.file.read(range, done, range.length - done, startByte + done)
      if (bytesRead === 0) throw new Error(`the spool file ends at byte ${startByte + done}`)
      done += bytesRead
    }
    return range
  }

  async *stream(startByte: number, endByte: number): AsyncGenerator<Buffer> {
    checkRange(this.sizeBytes, startByte, endByte)
    for (let from = startByte; from < endByte; from += CHUNK_BYTES) {
      yield await this.read(from, Math.min(from + CHUNK_BYTES, endByte))
    }
  }
}

function checkRange(sizeBytes: number, startByte: number, endByte: number): void {
  if (startByte >= 0 && startByte <= endByte && endByte <= sizeBytes) return
  throw new RangeError(`bytes ${startByte} to ${endByte} of a message of ${sizeBytes}`)
}
