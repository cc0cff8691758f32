// The message's bytes as the walker asks for them: at once where they lie in memory, through one window of a file
// otherwise. A second source reads bare CRs as line ends, as many mail programs do; offsets stay the same.
import { CHUNK_BYTES } from '../../mail/limits.js'
import type { MessageBytes } from '../../mail/spooled.js'

export interface ByteSource {
  readonly sizeBytes: number
  /** Then any range is given at once, however long. */
  readonly isInMemory: boolean
  /** The range, clipped to the message; whoever asks bounds its length. No promise when the message is in memory. */
  at(startByte: number, endByte: number): Buffer | Promise<Buffer>
}

export function byteSource(bytes: MessageBytes): ByteSource {
  const { inMemory } = bytes
  if (!inMemory) return new FileSource(bytes)
  return sourceOf(inMemory)
}

function sourceOf(whole: Buffer): ByteSource {
  return { sizeBytes: whole.length, isInMemory: true, at: (startByte, endByte) => whole.subarray(startByte, endByte) }
}

/** Keeps the last window: parts are walked from front to back, so most questions fall into it. */
class FileSource implements ByteSource {
  readonly sizeBytes: number
  readonly isInMemory = false
  private windowStart = 0
  private window: Buffer = Buffer.alloc(0)

  constructor(private readonly bytes: MessageBytes) {
    this.sizeBytes = bytes.sizeBytes
  }

  at(startByte: number, endByte: number): Buffer | Promise<Buffer> {
    const end = Math.min(endByte, this.sizeBytes)
    const start = Math.min(startByte, end)
    const offset = start - this.windowStart
    if (offset >= 0 && end - this.windowStart <= this.window.length) {
      return this.window.subarray(offset, end - this.windowStart)
    }
    return this.load(start, end)
  }

  private async load(start: number, end: number): Promise<Buffer> {
    const window = await this.bytes.read(start, Math.min(this.sizeBytes, Math.max(end, start + CHUNK_BYTES)))
    this.windowStart = start
    this.window = window
    return window.subarray(0, end - start)
  }
}

const CR = 13
const LF = 10

/** The same message with every CR that no LF follows read as LF. */
export function withBareCrAsLf(source: ByteSource): ByteSource {
  if (source.isInMemory) {
    const whole = source.at(0, source.sizeBytes)
    if (Buffer.isBuffer(whole)) return sourceOf(bareCrAsLf(whole, whole.length))
  }
  return {
    sizeBytes: source.sizeBytes,
    isInMemory: false,
    at(startByte, endByte) {
      // One byte more: whether a CR at the very end is bare shows only in what follows it.
      const wanted = Math.max(0, Math.min(endByte, source.sizeBytes) - startByte)
      const raw = source.at(startByte, startByte + wanted + 1)
      return Buffer.isBuffer(raw) ? bareCrAsLf(raw, wanted) : raw.then(bytes => bareCrAsLf(bytes, wanted))
    },
  }
}

/** Copies the first `wanted` bytes; `bytes` may hold one more to look at. */
function bareCrAsLf(bytes: Buffer, wanted: number): Buffer {
  const copy = Buffer.from(bytes.subarray(0, wanted))
  for (let at = copy.indexOf(CR); at >= 0; at = copy.indexOf(CR, at + 1)) {
    if (bytes[at + 1] !== LF) copy[at] = LF
  }
  return copy
}
