// A container's bytes, gathered: memory while they are few, else a private file. What is kept can be read any number
// of times until it is disposed of.
import { closeSync, read as readWithCallback, write as writeWithCallback } from 'node:fs'
import { promisify } from 'node:util'
import { CHUNK_BYTES } from '../../mail/limits.js'
import type { ReadRange } from './recognise.js'
import { openScratch } from './scratch.js'
import type { UnpackSettings } from './settings.js'
import type { JobContent } from './thread-protocol.js'

const readFd = promisify(readWithCallback)
const writeFd = promisify(writeWithCallback)

export type Gathered = { readonly content: JobContent; readonly sizeBytes: number; dispose(): void }

export async function gather(
  content: AsyncIterable<Buffer>,
  settings: Pick<UnpackSettings, 'memoryBytes' | 'scratchDirectory'>,
  signal: AbortSignal,
): Promise<Gathered> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  let fd: number | null = null
  try {
    for await (const chunk of content) {
      signal.throwIfAborted()
      if (fd === null && sizeBytes + chunk.length > settings.memoryBytes) {
        fd = openScratch(settings.scratchDirectory)
        await writeAll(fd, Buffer.concat(chunks.splice(0)), 0)
      }
      if (fd === null) chunks.push(chunk)
      else await writeAll(fd, chunk, sizeBytes)
      sizeBytes += chunk.length
    }
  } catch (error) {
    if (fd !== null) closeSync(fd)
    throw error
  }
  if (fd === null) {
    return { content: { kind: 'memory', bytes: Buffer.concat(chunks) }, sizeBytes, dispose: () => undefined }
  }
  const file = fd
  return { content: { kind: 'file', fd: file, sizeBytes }, sizeBytes, dispose: () => closeSync(file) }
}

async function writeAll(fd: number, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += (await writeFd(fd, bytes, at, bytes.length - at, position + at)).bytesWritten
  }
}

/** Ranges of what was gathered: at once from memory, later from a file. */
export function rangesOf(content: JobContent): ReadRange {
  if (content.kind === 'memory') {
    const bytes = Buffer.from(content.bytes.buffer, content.bytes.byteOffset, content.bytes.byteLength)
    return (startByte, endByte) => bytes.subarray(startByte, endByte)
  }
  return (startByte, endByte) => readRange(content.fd, startByte, Math.min(endByte, content.sizeBytes))
}

async function readRange(fd: number, startByte: number, endByte: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(Math.max(0, endByte - startByte))
  let filled = 0
  while (filled < bytes.length) {
    const { bytesRead } = await readFd(fd, bytes, filled, bytes.length - filled, startByte + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}

/** A stretch of a file in pieces. */
export async function* streamFile(fd: number, startByte: number, sizeBytes: number): AsyncGenerator<Buffer> {
  const endByte = startByte + sizeBytes
  for (let at = startByte; at < endByte; at += CHUNK_BYTES) {
    const chunk = await readRange(fd, at, Math.min(at + CHUNK_BYTES, endByte))
    if (chunk.length === 0) return
    yield chunk
  }
}
