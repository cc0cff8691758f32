// Bytes of a named charset to text, for file names. A charset nobody knows is read as latin-1: every byte stays visible.
import { isUtf8 } from 'node:buffer'
import iconv from 'iconv-lite'

export function textFrom(bytes: Buffer, charset: string): string {
  const name = charset.toLowerCase()
  if (name.startsWith('iso-2022-jp')) return fromIso2022Jp(bytes)
  if ((name === '' || name === 'us-ascii' || name === 'ascii' || name === 'unknown-8bit') && isUtf8(bytes)) {
    return bytes.toString('utf8')
  }
  try {
    return isKnown(name) && !NO_CHARSETS.has(name) ? iconv.decode(bytes, name) : bytes.toString('latin1')
  } catch {
    return bytes.toString('latin1')
  }
}

/** Names that iconv-lite takes for its own encodings of bytes; in a mail they mean nothing. */
const NO_CHARSETS = new Set(['base64', 'hex', 'internal', 'binary'])

/** iconv-lite answers for a name that it does not know by catching an exception: too dear for a header full of such words. */
function isKnown(name: string): boolean {
  const table = iconv.encodings
  // Its table is there once it has been asked for anything.
  const isListed = table === null || Object.hasOwn(table, iconv._canonicalizeEncoding(name))
  return isListed && iconv.encodingExists(name)
}

const ESCAPE = 0x1b

/** RFC 1468, which iconv-lite does not know: two-byte characters are EUC-JP without the high bits. */
function fromIso2022Jp(bytes: Buffer): string {
  let text = ''
  let set = '(B'
  for (let at = 0; at < bytes.length;) {
    const escape = bytes.indexOf(ESCAPE, at)
    const end = escape < 0 ? bytes.length : escape
    text += runOfSet(bytes.subarray(at, end), set)
    if (escape < 0) break
    set = bytes.toString('latin1', escape + 1, escape + 3)
    at = escape + (set === '$(' ? 4 : 3)
  }
  return text
}

function runOfSet(run: Buffer, set: string): string {
  if (set === '$@' || set === '$B') return iconv.decode(Buffer.from(run.map(byte => byte | 0x80)), 'euc-jp')
  if (set === '(I') return iconv.decode(Buffer.from(run.map(byte => byte | 0x80)), 'shift_jis')
  return run.toString('latin1')
}
