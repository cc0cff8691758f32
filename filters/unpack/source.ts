// Bytes that can be read at any place: a buffer, a stretch of an open file, or a part of either.
import { readSync } from 'node:fs'
import type { Source } from './reader.js'

export function sourceOfBuffer(bytes: Buffer): Source {
  return {
    sizeBytes: bytes.length,
    read: (startByte, endByte) => bytes.subarray(startByte, Math.max(startByte, endByte)),
  }
}

/** Reads block the calling thread: for worker threads only. */
export function sourceOfFile(fd: number, fromByte: number, sizeBytes: number): Source {
  return {
    sizeBytes,
    read(startByte, endByte) {
      const wanted = Math.max(0, Math.min(endByte, sizeBytes) - startByte)
      const bytes = Buffer.allocUnsafe(wanted)
      let filled = 0
      while (filled < wanted) {
        const got = readSync(fd, bytes, filled, wanted - filled, fromByte + startByte + filled)
        if (got === 0) break
        filled += got
      }
      return bytes.subarray(0, filled)
    },
  }
}

/** The rest of a source from one byte on: what an archive looks like behind a self-extractor. */
export function sourceFrom(source: Source, fromByte: number): Source {
  if (fromByte === 0) return source
  return {
    sizeBytes: Math.max(0, source.sizeBytes - fromByte),
    read: (startByte, endByte) => source.read(fromByte + startByte, fromByte + endByte),
  }
}
