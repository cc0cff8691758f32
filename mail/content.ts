// What is written out: new bytes and ranges of the spooled message in a row, so that a stamped header costs no copy.
import type { MessageBytes } from './spooled.js'

export type Segment = Buffer | { readonly bytes: MessageBytes; readonly startByte: number; readonly endByte: number }

export type Content = { readonly sizeBytes: number; readonly segments: readonly Segment[] }

/** Joins segments into content and counts its bytes. */
export function contentOf(segments: readonly Segment[]): Content {
  let sizeBytes = 0
  for (const segment of segments) sizeBytes += segmentBytes(segment)
  return { sizeBytes, segments }
}

/** The content with lines put in front of it. */
export function withPrefix(prefix: Buffer, content: Content): Content {
  return { sizeBytes: prefix.length + content.sizeBytes, segments: [prefix, ...content.segments] }
}

function segmentBytes(segment: Segment): number {
  return Buffer.isBuffer(segment) ? segment.length : segment.endByte - segment.startByte
}

/** The whole content as buffers when all of it lies in memory, else null. Nothing is copied. */
export function buffersOf(content: Content): Buffer[] | null {
  const buffers: Buffer[] = []
  for (const segment of content.segments) {
    if (Buffer.isBuffer(segment)) buffers.push(segment)
    else if (segment.bytes.inMemory) buffers.push(segment.bytes.inMemory.subarray(segment.startByte, segment.endByte))
    else return null
  }
  return buffers
}

/** Walks the content in pieces of at most 64 KiB where it comes from a file. */
export async function* chunksOf(content: Content): AsyncGenerator<Buffer> {
  for (const segment of content.segments) {
    if (Buffer.isBuffer(segment)) yield segment
    else yield* segment.bytes.stream(segment.startByte, segment.endByte)
  }
}
