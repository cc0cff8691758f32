// The bytes of a message after arrival. They never change: everything later reads ranges of them.
// Lines end in LF, as they do in a Maildir; the ways in turn CRLF into LF and the ways out turn it back.

/** Bytes kept in memory or in a private file. Ranges are half open: [startByte, endByte). */
export interface MessageBytes {
  readonly sizeBytes: number
  /** The whole message when it is small enough to be kept in memory, else null. */
  readonly inMemory: Buffer | null
  /** Reads one range. The caller bounds its length; a range outside the message is a bug and throws RangeError. */
  read(startByte: number, endByte: number): Promise<Buffer>
  /** Reads one range in pieces of at most 64 KiB. */
  stream(startByte: number, endByte: number): AsyncIterable<Buffer>
}

export type Spooled = {
  readonly bytes: MessageBytes
  readonly sizeBytes: number
  /** Lower-case hex, of the bytes as spooled. */
  readonly sha256: string
}
