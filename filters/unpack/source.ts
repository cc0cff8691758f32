// Bytes that can be read at any place: a buffer, a stretch of an open file, or a part of either.
import { readSync } from 'node:fs'
import { CHUNK_BYTES } from '../../mail/limits.js'
import type { Source } from './reader.js'

export function sourceOfBuffer(bytes: Buffer): Source {
  return {
    sizeBytes: bytes.length,
    read: (startByte, endByte) => bytes.subarray(startByte, Math.max(startByte, endByte)),
  }
}

/** Headers are read a few bytes at a time, one behind the other: a system call for each costs more than the header. */
const SMALL_READ_BYTES = 4096

/** Reads block the calling thread: for worker threads only. What lies in the file must not change meanwhile. */
export function sourceOfFile(fd: number, fromByte: number, sizeBytes: number): Source {
  let aheadStart = 0
  let ahead: Buffer = Buffer.alloc(0)
  return {
    sizeBytes,
    read(startByte, endByte) {
      const end = Math.min(endByte, sizeBytes)
      if (end - startByte > SMALL_READ_BYTES) return readFile(fd, fromByte + startByte, end - startByte)
      if (startByte < aheadStart || end > aheadStart + ahead.length) {
        aheadStart = startByte
        ahead = readFile(fd, fromByte + startByte, Math.min(CHUNK_BYTES, sizeBytes - startByte))
      }
      return ahead.subarray(startByte - aheadStart, Math.max(startByte, end) - aheadStart)
    },
  }
}

function readFile(fd: number, position: number, wanted: number): Buffer {
  const bytes = Buffer.allocUnsafe(Math.max(0, wanted))
  let filled = 0
  while (filled < bytes.length) {
    const got = readSync(fd, bytes, filled, bytes.length - filled, position + filled)
    if (got === 0) break
    filled += got
  }
  return bytes.subarray(0, filled)
}

/** The rest of a source from one byte on: what an archive looks like behind a self-extractor. */
export function sourceFrom(source: Source, fromByte: number): Source {
  if (fromByte === 0) return source
  return {
    sizeBytes: Math.max(0, source.sizeBytes - fromByte),
    read: (startByte, endByte) => source.read(fromByte + startByte, fromByte + endByte),
  }
}
