// Files in the middle of text: uuencode (POSIX uuencode(1), with its base64 form) and BinHex 4.0 (RFC 1741). Some programs
// show them as attachments, others as text. Their ranges go to where the text, the next such file, or the part ends;
// the decoders stop at the end mark by themselves.
import { setImmediate } from 'node:timers/promises'
import type { Encoding, Part } from '../../mail/part.js'
import type { ByteSource } from './byte-source.js'
import { BinhexDecoder } from './decode-binhex.js'
import type { Ledger } from './ledger.js'
import { firstLineFrom, type Lines } from './lines.js'

const BEGIN = /^begin(-base64)?[ \t]+[0-7]+[ \t]+([^ \t\r\n][^\n]*)(?:\n|$)/
const BINHEX = /^\(This file must be converted with BinHex/
const YENC = /^=ybegin /
/** Enough for the first line and the few after it that tell whether there is a file. */
const HEAD_BYTES = 4096
const FILES_BETWEEN_PAUSES = 50

export async function noteEmbedded(
  source: ByteSource,
  lines: Lines,
  leaves: readonly Part[],
  ledger: Ledger,
): Promise<void> {
  let container = 0
  let lastInUuencoded: Part | null = null
  for (const [index, start] of lines.embeddedStarts.entries()) {
    if (index % FILES_BETWEEN_PAUSES === FILES_BETWEEN_PAUSES - 1) await setImmediate()
    while (container < leaves.length && leaves[container]!.endByte <= start) container++
    const leaf = leaves[container]
    const inside = leaf && leaf.startByte <= start ? leaf : null
    if (inside?.encoding === 'base64' || inside?.encoding === 'binhex') continue
    if (inside?.encoding === 'uuencode' && lastInUuencoded !== inside) {
      lastInUuencoded = inside
      continue
    }
    const limit = Math.min(
      inside ? inside.endByte : endOfStray(source, lines, start),
      lines.embeddedStarts[index + 1] ?? source.sizeBytes,
    )
    const head = await source.at(start, Math.min(limit, start + HEAD_BYTES))
    if (YENC.test(head.toString('latin1', 0, 10))) {
      // Made for news; the few mail programs that know it are not worth a decoder, but a word.
      ledger.note('ambiguous', 'a yEnc file in text, not decoded', inside?.number ?? '0')
      continue
    }
    const file = embeddedFile(head)
    if (!file) continue
    const found = { mediaType: 'application/octet-stream', fileName: file.fileName, encoding: file.encoding, parts: [] }
    ledger.addOther(
      { ...found, number: inside?.number ?? '0', startByte: start + file.skipBytes, endByte: limit },
      file.what,
    )
  }
}

/** Outside every part: up to the next line that may be a boundary. */
function endOfStray(source: ByteSource, lines: Lines, start: number): number {
  return lines.starts[firstLineFrom(lines, start)] ?? source.sizeBytes
}

type EmbeddedFile = { encoding: Encoding; fileName: string | null; skipBytes: number; what: string }

function embeddedFile(head: Buffer): EmbeddedFile | null {
  const text = head.toString('latin1')
  if (BINHEX.test(text)) {
    return { encoding: 'binhex', fileName: binhexName(head), skipBytes: 0, what: 'a BinHex file in text' }
  }
  const begin = BEGIN.exec(text)
  if (!begin) return null
  const fileName =
    Buffer.from(withoutTail(begin[2] ?? ''), 'latin1')
      .toString()
      .split(/[\\/]/)
      .pop() ?? null
  const isBase64 = begin[1] !== undefined
  if (isBase64) return { encoding: 'base64', fileName, skipBytes: begin[0].length, what: 'a file in text, as base64' }
  const following = text.slice(begin[0].length).split('\n', 5)
  if (!following.some(looksUuencoded)) return null
  return { encoding: 'uuencode', fileName, skipBytes: 0, what: 'a uuencoded file in text' }
}

/** A length character, and about as many characters after it as it says; prose has small letters. */
function looksUuencoded(line: string): boolean {
  const data = withoutTail(line)
  if (data === '`' || data === 'end') return true
  if (!/^[!-`][ -`]*$/.test(data)) return false
  const bytes = (data.charCodeAt(0) - 32) & 63
  const characters = Math.ceil(bytes / 3) * 4
  return bytes > 0 && data.length - 1 <= characters + 2 && data.length - 1 >= characters / 2
}

function withoutTail(text: string): string {
  let end = text.length
  while (end > 0 && ' \t\r'.includes(text.charAt(end - 1))) end--
  return text.slice(0, end)
}

function binhexName(head: Buffer): string | null {
  const decoder = new BinhexDecoder()
  decoder.write(head)
  return decoder.fileName
}
