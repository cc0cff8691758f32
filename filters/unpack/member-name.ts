// Names from archives become text for a person: decoded, control characters made visible, cut to a sane length.
// They are never used as a path.
import iconv from 'iconv-lite'
import { printable } from '../../mail/finding.js'

const MAX_NAME_CHARACTERS = 200
/** Enough to keep the extensions, which decide what a program would do with the file. */
const KEPT_AT_END = 60

const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

/** The name as it is shown: printable, never empty, the middle left out when it is long. */
export function memberName(text: string): string {
  const characters = Array.from(printable(text.slice(0, 64 * 1024)))
  if (characters.length === 0) return '(no name)'
  if (characters.length <= MAX_NAME_CHARACTERS) return characters.join('')
  const start = characters.slice(0, MAX_NAME_CHARACTERS - KEPT_AT_END - 1).join('')
  return `${start}…${characters.slice(-KEPT_AT_END).join('')}`
}

/** UTF-8 where the bytes are UTF-8, whatever the archive says, else the old code page of DOS (APPNOTE appendix D). */
export function decodeName(bytes: Buffer): string {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return iconv.decode(bytes, 'cp437')
  }
}
