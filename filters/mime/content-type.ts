// What the Content-Type fields of a header may mean: every media type that some program would act on, with the
// boundaries it would look for. The usual reading comes first: the first field, read by the book (RFC 2045 5.1).
import type { HeaderField } from '../../mail/header.js'
import { boundariesIn } from './boundaries.js'
import { lenientName } from './header-fields.js'
import { structuredValue } from './parameters.js'

export type TypeReading = {
  /** Why a program would read it so; empty for the usual reading. */
  readonly what: string
  readonly mediaType: string
  /** For multipart: what each program would take for the boundary, the usual one first. */
  readonly boundaries: readonly string[]
}

const MAX_TYPE_FIELDS = 8
const TYPE_FORM = /^\s*([\w!#$%&'*+.^`{|}~-]+)\s*\/\s*([\w!#$%&'*+.^`{|}~-]+)/

/** At least one reading. `isOverLimit`: there were more fields than anybody needs, the last are not looked at. */
export function typeReadings(
  fields: readonly HeaderField[],
  defaultType: string,
): { readings: TypeReading[]; isOverLimit: boolean } {
  const { usual, lenient } = fieldsNamed(fields, 'content-type')
  const readings: TypeReading[] = []
  const first = usual[0]
  readings.push(first ? readingOf(first.value, '') : { what: '', mediaType: defaultType, boundaries: [] })
  for (const field of usual.slice(1, MAX_TYPE_FIELDS))
    readings.push(readingOf(field.value, 'several Content-Type fields'))
  for (const field of lenient.slice(0, MAX_TYPE_FIELDS)) {
    readings.push(readingOf(field.value, 'Content-Type with a crooked name'))
  }
  if (usual.length > 0 || lenient.length > 0) addHiddenMultiparts([...usual, ...lenient], readings)
  return {
    readings: readings.length === 1 ? readings : withoutDoubles(readings),
    isOverLimit: usual.length > MAX_TYPE_FIELDS || lenient.length > MAX_TYPE_FIELDS,
  }
}

/** The fields of that name as most programs match it, and those that only a lenient program would take for it. */
export function fieldsNamed(
  fields: readonly HeaderField[],
  wanted: string,
): { usual: HeaderField[]; lenient: HeaderField[] } {
  const usual: HeaderField[] = []
  const lenient: HeaderField[] = []
  for (const field of fields) {
    if (field.name.length < wanted.length) continue
    const name = field.name.toLowerCase()
    if (name === wanted) usual.push(field)
    else if (
      name.startsWith('c') ? name.length > wanted.length && lenientName(name) === wanted : isWrapped(name, wanted)
    ) {
      lenient.push(field)
    }
  }
  return { usual, lenient }
}

function isWrapped(name: string, wanted: string): boolean {
  return /^[^\w]/.test(name) && lenientName(name) === wanted
}

function readingOf(value: string, what: string): TypeReading {
  const { main, parameters } = structuredValue(value)
  const form = TYPE_FORM.exec(main)
  // RFC 2045 5.2: a type that cannot be read is plain text.
  const mediaType = form ? `${form[1] ?? ''}/${form[2] ?? ''}`.toLowerCase() : 'text/plain'
  return { what, mediaType, boundaries: mediaType.startsWith('multipart/') ? boundariesIn(value, parameters) : [] }
}

/** `Content-Type: multipart; …`, `"multipart/mixed"; …`: some programs only look for the word. */
function addHiddenMultiparts(fields: readonly HeaderField[], readings: TypeReading[]): void {
  for (const { value } of fields.slice(0, MAX_TYPE_FIELDS)) {
    if (!/multipart/i.test(value) || TYPE_FORM.exec(value)?.[1]?.toLowerCase() === 'multipart') continue
    const boundaries = boundariesIn(value, structuredValue(value).parameters)
    if (boundaries.length > 0)
      readings.push({ what: 'a crooked multipart type', mediaType: 'multipart/mixed', boundaries })
  }
}

function withoutDoubles(readings: readonly TypeReading[]): TypeReading[] {
  const seen = new Set<string>()
  return readings.filter(reading => {
    const key = [reading.mediaType, ...reading.boundaries].join('\0')
    return !seen.has(key) && seen.add(key)
  })
}
