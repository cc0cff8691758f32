// From one header to everything that programs may take its part for. The first reading is the usual one and becomes the
// tree; the others are followed as well, and what only they show is kept beside it.
import type { Encoding } from '../../mail/part.js'
import { typeReadings, type TypeReading } from './content-type.js'
import { fileNames, saysAttachment } from './file-names.js'
import type { HeaderBlock } from './header-fields.js'
import { encodingReadings, type EncodingReading } from './transfer-encoding.js'

export type Reading = {
  /** Why a program would read it so; empty for the usual reading. */
  readonly what: string
  /** `maybeMessage`: a message only if the body begins like one. */
  readonly shape: 'leaf' | 'multipart' | 'message' | 'maybeMessage'
  readonly mediaType: string
  readonly encoding: Encoding
  readonly fileName: string | null
  readonly isAttachment?: boolean
  readonly boundaries: readonly string[]
  readonly bodyByte: number
}

/** RFC 2046 5.2.1, RFC 6532 3.7, and what news readers call it. */
const MESSAGES = new Set(['message/rfc822', 'message/global', 'message/news'])
/** message/* whose body looks like a header but is none (RFC 3464, 8098, 5965, 2046 5.2.3). */
const REPORTS = new Set([
  'message/delivery-status',
  'message/global-delivery-status',
  'message/disposition-notification',
  'message/global-disposition-notification',
  'message/global-headers',
  'message/feedback-report',
  'message/external-body',
])

/** At least one reading, the usual one first. `isOverLimit`: the header had more fields of a kind than are looked at. */
export function readingsOf(block: HeaderBlock, defaultType: string): { readings: Reading[]; isOverLimit: boolean } {
  const readings: Reading[] = []
  let isOverLimit = block.isOverLimit
  const ends = [{ what: '', fieldCount: block.fields.length, bodyByte: block.bodyByte }, ...block.otherEnds]
  for (const end of ends) {
    const fields = end.fieldCount === block.fields.length ? block.fields : block.fields.slice(0, end.fieldCount)
    const types = typeReadings(fields, defaultType)
    const usualType = types.readings[0]!
    const encodings = encodingReadings(fields, usualType.mediaType)
    const { names, isOverLimit: hasManyNames } = fileNames(fields)
    isOverLimit ||= types.isOverLimit || hasManyNames
    const isAttachment = saysAttachment(fields)
    const ending = { what: end.what, bodyByte: end.bodyByte, fileName: names[0] ?? null, isAttachment }
    for (const type of types.readings) readings.push(...shapesOf(type, encodings, ending))
    if (names.length > 1 && !usualType.mediaType.startsWith('multipart/')) {
      const usual = {
        mediaType: usualType.mediaType,
        encoding: encodings[0]!.encoding,
        bodyByte: end.bodyByte,
        boundaries: [],
      }
      for (const fileName of names.slice(1))
        readings.push({ ...usual, fileName, shape: 'leaf', what: 'several file names' })
    }
  }
  return { readings, isOverLimit }
}

type Ending = {
  readonly what: string
  readonly bodyByte: number
  readonly fileName: string | null
  readonly isAttachment: boolean
}

function shapesOf(type: TypeReading, encodings: readonly EncodingReading[], ending: Ending): Reading[] {
  const { mediaType, boundaries } = type
  const reading = (shape: Reading['shape'], encoding: Encoding, what: string): Reading => ({
    what: ending.what || type.what || what,
    shape,
    mediaType,
    encoding,
    fileName: ending.fileName,
    isAttachment: ending.isAttachment,
    boundaries,
    bodyByte: ending.bodyByte,
  })
  const asLeaves = encodings.map(({ encoding, what }) => reading('leaf', encoding, what))
  if (mediaType.startsWith('multipart/')) {
    // RFC 2045 6.4 forbids to encode a multipart; programs that decode it anyway see another content.
    const encoded = asLeaves.filter(leaf => leaf.encoding !== 'identity')
    const usual = reading('multipart', 'identity', '')
    return [usual, ...encoded.map(leaf => ({ ...leaf, what: leaf.what || 'transfer encoding on multipart' }))]
  }
  if (!mediaType.startsWith('message/') || REPORTS.has(mediaType)) return asLeaves
  if (mediaType === 'message/partial') return [...asLeaves, reading('maybeMessage', 'identity', 'message/partial')]
  if (!MESSAGES.has(mediaType)) return [...asLeaves, reading('maybeMessage', 'identity', 'message of an unknown kind')]
  const isPlain = encodings.every(({ encoding }) => encoding === 'identity')
  if (isPlain) return [reading('message', 'identity', '')]
  const asMessage = asLeaves.map(leaf => (leaf.encoding === 'identity' ? { ...leaf, shape: 'message' as const } : leaf))
  const hasPlain = encodings.some(({ encoding }) => encoding === 'identity')
  return hasPlain ? asMessage : [...asMessage, reading('maybeMessage', 'identity', 'transfer encoding on a message')]
}
