// File names as a person will see them: RFC 2231 (continuations, charset, percent signs) and RFC 2047 encoded words,
// which real mailers put into parameters although RFC 2047 5 forbids it. Never throws: what cannot be decoded stays.
import { textFrom } from './charset.js'
import type { Parameter } from './parameters.js'

/** Of a longer name the beginning and the end are kept: no program shows it whole. */
const MAX_NAME_CHARACTERS = 4096

/** Every name that the parameters give under this key, the usual reading first, without doubles. */
export function namesIn(parameters: readonly Parameter[], key: string): string[] {
  const names: string[] = []
  const extended = extendedValue(parameters, key)
  if (extended !== null) names.push(extended)
  for (const parameter of parameters) if (parameter.name === key) names.push(decodeWords(parameter.value))
  return [...new Set(names.flatMap(shownNames))]
}

/** Without folders and line breaks. A program in C ends a name at a NUL, another leaves the NUL out. */
function shownNames(name: string): string[] {
  const half = MAX_NAME_CHARACTERS / 2
  const cut = name.length > MAX_NAME_CHARACTERS ? name.slice(0, half) + name.slice(-half) : name
  const readings = cut.includes('\0') ? [cut.slice(0, cut.indexOf('\0')), cut.replaceAll('\0', '')] : [cut]
  return readings.map(reading => baseName(reading.replace(/[\r\n]+/g, ' ')).trim()).filter(reading => reading !== '')
}

function baseName(name: string): string {
  return name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1)
}

type Section = { readonly order: number; readonly isEncoded: boolean; readonly value: string }

/** RFC 2231: `key*=charset'language'text`, or `key*0*=`, `key*1=` and so on in any order; null when there is none. */
export function extendedValue(parameters: readonly Parameter[], key: string): string | null {
  const sections: Section[] = []
  for (const { name, value } of parameters) {
    if (!name.startsWith(`${key}*`)) continue
    const form = /^(?:(\d{1,5})(\*?))?$/.exec(name.slice(key.length + 1))
    if (form) sections.push({ order: Number(form[1] ?? 0), isEncoded: form[1] === undefined || form[2] === '*', value })
  }
  if (sections.length === 0) return null
  sections.sort((one, other) => one.order - other.order)
  return joined(sections)
}

function joined(sections: readonly Section[]): string {
  const first = sections[0]!
  const head = first.isEncoded ? /^([^']*)'[^']*'/.exec(first.value) : null
  const charset = head?.[1] ?? ''
  const pieces = sections.map((section, index) => {
    const value = index === 0 && head ? section.value.slice(head[0].length) : section.value
    return section.isEncoded ? percentBytes(value) : Buffer.from(value)
  })
  const text = textFrom(Buffer.concat(pieces), charset)
  // Some mailers cut an encoded word into continuations.
  return first.isEncoded ? text : decodeWords(text)
}

function percentBytes(value: string): Buffer {
  const bytes = Buffer.from(value)
  let length = 0
  for (let at = 0; at < bytes.length; at++) {
    const isPercent = bytes[at] === 0x25 && /^[0-9a-f]{2}$/i.test(bytes.toString('latin1', at + 1, at + 3))
    bytes[length++] = isPercent ? parseInt(bytes.toString('latin1', at + 1, at + 3), 16) : bytes[at]!
    if (isPercent) at += 2
  }
  return bytes.subarray(0, length)
}

/** RFC 2047. Blanks between two words vanish, and a character may be split over two words of one charset. */
export function decodeWords(text: string): string {
  if (!text.includes('=?')) return text
  let decoded = ''
  let end = 0
  let pending: Buffer[] = []
  let charset = ''
  const flush = () => {
    if (pending.length > 0) decoded += textFrom(Buffer.concat(pending), charset)
    pending = []
  }
  for (const word of text.matchAll(/=\?([^?*\s]{1,60})(?:\*[^?\s]{0,60})?\?([bq])\?([^?]*)\?=/gi)) {
    const between = text.slice(end, word.index)
    const wordCharset = (word[1] ?? '').toLowerCase()
    if (pending.length === 0 || /[^ \t]/.test(between)) {
      flush()
      decoded += between
    } else if (wordCharset !== charset) flush()
    charset = wordCharset
    pending.push(wordBytes(word[2] ?? 'q', word[3] ?? ''))
    end = word.index + word[0].length
  }
  flush()
  return decoded + text.slice(end)
}

function wordBytes(encoding: string, content: string): Buffer {
  if (encoding.toLowerCase() === 'b') return Buffer.from(content, 'base64')
  const latin1 = content
    .replaceAll('_', ' ')
    .replace(/=([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)))
  return Buffer.from(latin1, 'latin1')
}
