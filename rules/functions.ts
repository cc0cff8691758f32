// maildrop's functions on texts. Lengths and places count bytes, as maildrop counts; case is ASCII's (the C locale).
import { addressesIn } from './addresses.js'
import { integerOf } from './numbers.js'

export function lengthOf(text: string): string {
  return String(Buffer.byteLength(text))
}

/** From byte `start` on, at most `count` bytes. A start outside the text gives nothing; a negative count, everything. */
export function substring(text: string, start: string, count: string | undefined): string {
  const bytes = Buffer.from(text)
  const from = integerOf(start)
  if (from < 0 || from > bytes.length) return ''
  const length = count === undefined ? -1 : integerOf(count)
  return bytes.toString('utf8', from, length < 0 ? bytes.length : from + length)
}

export function toLower(text: string): string {
  return text.replace(/[A-Z]+/g, letters => letters.toLowerCase())
}

export function toUpper(text: string): string {
  return text.replace(/[a-z]+/g, letters => letters.toUpperCase())
}

/** Every character that a shell or a pattern might take for more than itself gets a backslash. */
export function escaped(text: string): string {
  return text.replace(/[|!$()[\]\\+*?.&;`'\-~<>^{}"]/g, '\\$&')
}

/** One address per line, each line ended. */
export function addressLines(text: string): string {
  return addressesIn(text)
    .map(address => `${address}\n`)
    .join('')
}

const CONTROLS: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', f: '\f', v: '\v' }

/** The text of `echo` and `log`: backslash sequences undone, a line end after it unless it ends in `\c`. */
export function printedText(text: string): string {
  const open = /(?:^|[^\\])(?:\\\\)*\\c$/.test(text)
  const body = open ? text.slice(0, -2) : text
  const printed = body.replace(/\\(?:([0-7]+)|([^]))/g, (_, octal: string | undefined, character = '') =>
    octal === undefined ? (CONTROLS[character as string] ?? (character as string)) : characterOf(octal),
  )
  return open ? printed : `${printed}\n`
}

function characterOf(octal: string): string {
  return String.fromCharCode(parseInt(octal.slice(-6), 8) & 0xff)
}
