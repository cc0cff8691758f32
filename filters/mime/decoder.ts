// What every transfer decoding is: chunks of any size go in, decoded bytes come out, and the cuts between chunks never show.
// Decoders are lenient, as mail programs are: they never throw, and give what can be had.

export interface Decoder {
  /** What this chunk brings to light; may be empty. The chunk is not kept. */
  write(chunk: Buffer): Buffer
  /** What was still held back. */
  end(): Buffer
  /** The end mark was met: the rest is no content. */
  readonly isDone: boolean
}

export const NOTHING = Buffer.alloc(0)
