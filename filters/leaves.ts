// Every part of a message that has to be opened, in every reading, with the bytes that hold it. A part that is a message, a
// multipart or text once its transfer encoding is undone (a base64 message/rfc822, a uuencoded file in quoted-printable
// text) is followed inside. Bounded in depth and memory; what was not followed because of that is a finding.
import type { Finding } from '../mail/finding.js'
import type { Message } from '../mail/message.js'
import type { Part } from '../mail/part.js'
import type { MessageBytes } from '../mail/spooled.js'
import { decodedContent } from './mime/decode-content.js'
import { structureOfContent, type Structure } from './mime/parse-message.js'
import { recognise } from './unpack/recognise.js'

/** A decoded part this large is no longer kept in memory to be read as a structure; it is scanned as one file. */
export const MAX_ENCODED_STRUCTURE_BYTES = 4 * 1024 * 1024
/** Encoded messages inside encoded messages; RFC 2046 5.2.1 forbids even the first. */
export const MAX_ENCODED_DEPTH = 10

const TEXT_HEAD_BYTES = 1024

export type OpenablePart = {
  readonly bytes: MessageBytes
  readonly part: Part
  /** `2 mail.eml > 1.2 offer.zip` */
  readonly where: string
}

type Note = (finding: Finding) => void

/** Notes what is odd about the structure as it goes. */
export async function* partsToOpen(message: Message, note: Note): AsyncGenerator<OpenablePart> {
  const { root, otherReadings, oddities, header, spooled } = message
  yield* openable(spooled.bytes, { root, otherReadings, oddities, header }, '', note, 0)
}

async function* openable(
  bytes: MessageBytes,
  structure: Structure,
  path: string,
  note: Note,
  depth: number,
): AsyncGenerator<OpenablePart> {
  for (const { kind, what, where } of structure.oddities) {
    note(kind === 'ambiguous' ? { kind, what, where: path + where } : { kind, limit: what, where: path + where })
  }
  for (const part of leavesOf(structure.root)) {
    if (!isPlainText(part) || (await holdsMoreThanText(bytes, part))) yield* opened(bytes, part, path, note, depth)
  }
  for (const reading of structure.otherReadings) {
    for (const part of leavesOf(reading)) yield* opened(bytes, part, path, note, depth)
  }
}

async function* opened(
  bytes: MessageBytes,
  part: Part,
  path: string,
  note: Note,
  depth: number,
): AsyncGenerator<OpenablePart> {
  const where = `${path}${part.number} ${part.fileName ?? part.mediaType}`
  yield { bytes, part, where }
  if (part.encoding === 'identity' || !/^(?:message|multipart|text)\//.test(part.mediaType)) return
  const decoded = depth < MAX_ENCODED_DEPTH ? await decodedInMemory(bytes, part) : 'encoded messages in depth'
  if (typeof decoded === 'string') note({ kind: 'overLimit', limit: decoded, where })
  else yield* openable(decoded, await structureOfContent(decoded, part.mediaType), `${where} > `, note, depth + 1)
}

/** Text that clamd has seen as it is, in whatever holds it. What has a file name or is an attachment is opened: people save it. */
function isPlainText(part: Part): boolean {
  const isShown = part.mediaType === 'text/plain' || part.mediaType === 'text/html'
  return part.encoding === 'identity' && isShown && part.fileName === null && !part.isAttachment
}

/** An archive that is only called text, or bytes that no text has. */
async function holdsMoreThanText(bytes: MessageBytes, part: Part): Promise<boolean> {
  const { startByte, endByte } = part
  const read = (from: number, to: number) => {
    const [start, end] = [Math.min(startByte + from, endByte), Math.min(startByte + to, endByte)]
    return bytes.inMemory ? bytes.inMemory.subarray(start, end) : bytes.read(start, end)
  }
  if ((await read(0, TEXT_HEAD_BYTES)).includes(0)) return true
  return (await recognise(read, endByte - startByte)).archives.length > 0
}

function* leavesOf(part: Part): Generator<Part> {
  if (part.parts.length === 0) yield part
  for (const inner of part.parts) yield* leavesOf(inner)
}

/** The name of the limit when there is too much of it. */
async function decodedInMemory(bytes: MessageBytes, part: Part): Promise<MessageBytes | string> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of decodedContent(bytes, part)) {
    sizeBytes += chunk.length
    if (sizeBytes > MAX_ENCODED_STRUCTURE_BYTES) return 'encoded message in memory'
    chunks.push(chunk)
  }
  return inMemory(Buffer.concat(chunks))
}

function inMemory(bytes: Buffer): MessageBytes {
  return {
    sizeBytes: bytes.length,
    inMemory: bytes,
    read: (startByte, endByte) => Promise.resolve(bytes.subarray(startByte, endByte)),
    stream: async function* (startByte, endByte) {
      if (startByte < endByte) yield bytes.subarray(startByte, endByte)
    },
  }
}
