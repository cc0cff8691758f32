// A part's content with its transfer encoding undone, as a stream. What is broken is read as mail programs would: nothing
// throws, and memory stays at a few chunks whatever the part's size.
import { CHUNK_BYTES } from '../../mail/limits.js'
import type { Encoding, Part } from '../../mail/part.js'
import type { MessageBytes } from '../../mail/spooled.js'
import { Base64Decoder } from './decode-base64.js'
import { BinhexDecoder } from './decode-binhex.js'
import type { Decoder } from './decoder.js'
import { QuotedPrintableDecoder } from './decode-quoted-printable.js'
import { UuencodeDecoder } from './decode-uuencode.js'

export async function* decodedContent(bytes: MessageBytes, part: Part): AsyncGenerator<Buffer, void, undefined> {
  if (bytes.inMemory) {
    yield* decodedInMemory(bytes.inMemory, part)
    return
  }
  const raw = bytes.stream(part.startByte, part.endByte)
  const decoder = decoderFor(part.encoding)
  if (!decoder) {
    yield* raw
    return
  }
  for await (const chunk of raw) {
    const decoded = decoder.write(chunk)
    if (decoded.length > 0) yield decoded
    if (decoder.isDone) return
  }
  const rest = decoder.end()
  if (rest.length > 0) yield rest
}

/** The same without waiting, for a message that lies in memory. */
export function* decodedInMemory(message: Buffer, part: Part): Generator<Buffer, void, undefined> {
  const raw = message.subarray(part.startByte, part.endByte)
  const decoder = decoderFor(part.encoding)
  if (!decoder) {
    if (raw.length > 0) yield raw
    return
  }
  for (let start = 0; start < raw.length && !decoder.isDone; start += CHUNK_BYTES) {
    const decoded = decoder.write(raw.subarray(start, start + CHUNK_BYTES))
    if (decoded.length > 0) yield decoded
  }
  const rest = decoder.isDone ? null : decoder.end()
  if (rest && rest.length > 0) yield rest
}

function decoderFor(encoding: Encoding): Decoder | null {
  switch (encoding) {
    case 'identity':
      return null
    case 'base64':
      return new Base64Decoder()
    case 'base64-lenient':
      return new Base64Decoder({ isPaddingJunk: true })
    case 'quoted-printable':
      return new QuotedPrintableDecoder()
    case 'uuencode':
      return new UuencodeDecoder()
    case 'binhex':
      return new BinhexDecoder()
  }
}
