// Reads a message twice, from memory and from what behaves like a file, and insists that both see the same.
import assert from 'node:assert/strict'
import { CHUNK_BYTES } from '../../../mail/limits.js'
import type { Part } from '../../../mail/part.js'
import type { MessageBytes } from '../../../mail/spooled.js'
import { decodedContent } from '../../../filters/mime/decode-content.js'
import { structureOf, type Structure } from '../../../filters/mime/parse-message.js'

export function bytesInMemory(bytes: Buffer): MessageBytes {
  return { ...bytesInFile(bytes), inMemory: bytes }
}

/** Nobody may ask for more than 2 MiB at once, nor for bytes outside the message. */
export function bytesInFile(bytes: Buffer, chunkBytes = CHUNK_BYTES): MessageBytes {
  const range = (startByte: number, endByte: number) => {
    if (startByte < 0 || endByte > bytes.length || startByte > endByte) throw new RangeError(`${startByte}-${endByte}`)
    return Buffer.from(bytes.subarray(startByte, endByte))
  }
  return {
    sizeBytes: bytes.length,
    inMemory: null,
    read: async (startByte, endByte) => {
      assert.ok(endByte - startByte <= 2 * 1024 * 1024, `${endByte - startByte} bytes asked for at once`)
      return range(startByte, endByte)
    },
    async *stream(startByte, endByte) {
      for (let at = startByte; at < endByte; at += chunkBytes) yield range(at, Math.min(endByte, at + chunkBytes))
    },
  }
}

export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

export async function structureBothWays(text: string | Buffer): Promise<Structure> {
  const bytes = typeof text === 'string' ? bytesOf(text) : text
  const fromMemory = await structureOf(bytesInMemory(bytes))
  assert.deepEqual(await structureOf(bytesInFile(bytes)), fromMemory)
  return fromMemory
}

export async function contentOf(bytes: MessageBytes, part: Part): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of decodedContent(bytes, part)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

export function leavesOf(part: Part): Part[] {
  return part.parts.length === 0 ? [part] : part.parts.flatMap(leavesOf)
}

export function whatsOf(structure: Structure): string[] {
  return structure.oddities.map(oddity => oddity.what)
}
