// What the Content-Transfer-Encoding fields of a header may mean, the usual reading first: the first field's token
// (RFC 2045 6.1). A field that only contains a known word, or a second field, is what some programs go by.
import type { HeaderField } from '../../mail/header.js'
import type { Encoding } from '../../mail/part.js'
import { fieldsNamed } from './content-type.js'
import { withoutComments } from './parameters.js'

export type EncodingReading = { readonly what: string; readonly encoding: Encoding }

const ENCODINGS: ReadonlyMap<string, Encoding> = new Map<string, Encoding>([
  ['base64', 'base64'],
  ['quoted-printable', 'quoted-printable'],
  ['uuencode', 'uuencode'],
  ['x-uuencode', 'uuencode'],
  ['x-uue', 'uuencode'],
  ['uue', 'uuencode'],
  ['x-uu', 'uuencode'],
  ['binhex', 'binhex'],
  ['x-binhex', 'binhex'],
  ['x-binhex40', 'binhex'],
  ['binhex40', 'binhex'],
  ['mac-binhex40', 'binhex'],
])
const WORDS: readonly (readonly [RegExp, Encoding])[] = [
  [/base-?64/i, 'base64'],
  [/quoted|printable/i, 'quoted-printable'],
  [/uue|uuencode/i, 'uuencode'],
  [/binhex/i, 'binhex'],
]

export function encodingReadings(fields: readonly HeaderField[], mediaType: string): EncodingReading[] {
  const { usual, lenient } = fieldsNamed(fields, 'content-transfer-encoding')
  const readings: EncodingReading[] = [{ what: '', encoding: usual[0] ? tokenOf(usual[0].value) : 'identity' }]
  for (const field of usual.slice(1)) {
    readings.push({ what: 'several Content-Transfer-Encoding fields', encoding: tokenOf(field.value) })
  }
  for (const field of lenient) {
    readings.push({ what: 'Content-Transfer-Encoding with a crooked name', encoding: tokenOf(field.value) })
  }
  for (const { value } of [...usual, ...lenient]) {
    if (ENCODINGS.has(value.toLowerCase())) continue
    for (const [word, encoding] of WORDS) {
      if (word.test(value)) readings.push({ what: 'a crooked Content-Transfer-Encoding', encoding })
    }
  }
  // RFC 1741: the type itself says how it is encoded.
  const first = readings[0]!
  if (mediaType === 'application/mac-binhex40' && first.encoding === 'identity')
    return [{ what: '', encoding: 'binhex' }, ...readings.slice(1)]
  return withoutDoubles(readings)
}

function tokenOf(value: string): Encoding {
  const token = withoutComments(value).trim().toLowerCase()
  return ENCODINGS.get(token) ?? 'identity'
}

function withoutDoubles(readings: readonly EncodingReading[]): EncodingReading[] {
  if (readings.length === 1) return [...readings]
  const seen = new Set<Encoding>()
  return readings.filter(({ encoding }) => !seen.has(encoding) && seen.add(encoding))
}
