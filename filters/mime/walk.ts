// Walks the parts of a message under one way of seeing its lines. The usual reading becomes the tree; every other reading
// that turns up on the way is handed to the ledger, to be followed when the tree is there. Entities that were
// read once are not read again under another reading, which keeps the whole linear.
import { setImmediate } from 'node:timers/promises'
import { MAX_MIME_DEPTH } from '../../mail/limits.js'
import type { Part } from '../../mail/part.js'
import { OVERFLOW } from './boundaries.js'
import {
  boundaryLines,
  indexesOf,
  textIdsIn,
  type BoundaryLines,
  type OtherLines,
  type Stretch,
} from './boundary-lines.js'
import type { ByteSource } from './byte-source.js'
import { readHeader, type HeaderBlock } from './header-fields.js'
import { leavesOf, type Ledger } from './ledger.js'
import { MAX_BOUNDARY_BYTES, firstLineFrom, lineAfter, type Lines } from './lines.js'
import { readingsOf, type Reading } from './readings.js'

/** Half open, in bytes of the message. */
type Range = { readonly startByte: number; readonly endByte: number }

/** Where in the tree an entity stands: the number it has as a leaf, as a multipart, and what its parts' numbers begin with. */
export type Place = {
  readonly own: string
  readonly asMultipart: string
  readonly prefix: string
  readonly depth: number
  readonly defaultType: string
}

/** Boundaries of one Content-Type that occur in the body and are followed besides the usual one. */
const MAX_OTHER_BOUNDARIES = 16
/** Shorter text around the parts is what mailers put there for programs without MIME. */
const STRAY_TEXT_BYTES = 4096

/** RFC 3501 6.4.5: the message itself, or a message within part `number`. */
export function messagePlace(number: string, depth: number): Place {
  const own = number === '' ? '1' : `${number}.1`
  return { own, asMultipart: number === '' ? '0' : `${number}.0`, prefix: number, depth, defaultType: 'text/plain' }
}

export class Walk {
  private readonly seenEntities = new Set<string>()

  constructor(
    private readonly source: ByteSource,
    private readonly lines: Lines,
    private readonly ledger: Ledger,
  ) {}

  /** What the usual reading stumbles over is odd in itself; what another reading stumbles over is that reading's affair. */
  private noteOdd(what: string, where: string): void {
    if (!this.ledger.isFollowing) this.ledger.note('ambiguous', what, where)
  }

  /** The part whose header starts here. `block` saves reading a header twice. */
  async entity(range: Range, place: Place, block?: HeaderBlock): Promise<Part> {
    this.seenEntities.add(entityKey(range, place))
    const header = block ?? (await readHeader(this.source, range.startByte, range.endByte))
    if (!this.ledger.takeHeader(header.bodyByte - range.startByte, place.own)) return plainLeaf(range, place)
    const { readings, isOverLimit } = readingsOf(header, place.defaultType)
    if (isOverLimit) this.ledger.note('overLimit', 'MAX_HEADER_BYTES', place.own)
    const usual = readings[0]!
    if (usual.mediaType === 'message/partial') this.noteOdd('message/partial', place.own)
    const part = await this.read(usual, range.endByte, place)
    for (const reading of readings.slice(1)) {
      const follow = async () =>
        (await this.isWorthReading(reading, range.endByte)) ? [await this.read(reading, range.endByte, place)] : []
      this.ledger.follow({ what: reading.what, follow }, place.own)
    }
    return part
  }

  /** The part as this reading sees it, up to `endByte`. */
  async read(reading: Reading, endByte: number, place: Place): Promise<Part> {
    if (reading.shape === 'leaf') return leafOf(reading, endByte, place)
    if (place.depth >= MAX_MIME_DEPTH) {
      this.ledger.note('overLimit', 'MAX_MIME_DEPTH', place.own)
      return leafOf(reading, endByte, place)
    }
    if (reading.shape === 'multipart') return this.multipart(reading, endByte, place)
    const parts = await this.entities([{ startByte: reading.bodyByte, endByte }], () =>
      messagePlace(place.own, place.depth + 1),
    )
    return { ...leafOf(reading, endByte, place), encoding: 'identity', parts }
  }

  private async isWorthReading(reading: Reading, endByte: number): Promise<boolean> {
    if (reading.shape !== 'maybeMessage') return true
    const head = await this.source.at(reading.bodyByte, Math.min(endByte, reading.bodyByte + 500))
    return /^(?:>?From |[\w-]+[ \t]*:)/.test(head.toString('latin1'))
  }

  /** Reads one after the other until a limit is reached; what another reading has read already is left out. */
  private async entities(ranges: readonly Range[], placeOf: (index: number) => Place): Promise<Part[]> {
    const parts: Part[] = []
    for (const [index, range] of ranges.entries()) {
      const place = placeOf(index)
      if (this.seenEntities.has(entityKey(range, place))) continue
      if (!this.ledger.takePart(place.own)) break
      if (this.ledger.isTimeToPause()) await setImmediate()
      parts.push(await this.entity(range, place))
    }
    return parts
  }

  private async multipart(reading: Reading, endByte: number, place: Place): Promise<Part> {
    const body = { startByte: reading.bodyByte, endByte }
    const stretch = { from: firstLineFrom(this.lines, body.startByte), below: firstLineFrom(this.lines, endByte) }
    const boundary = reading.boundaries[0] ?? null
    if (!this.ledger.takeLines(stretch.below - stretch.from, place.own)) return leafOf(reading, endByte, place)
    if (boundary !== null && boundary.length > MAX_BOUNDARY_BYTES)
      this.ledger.note('overLimit', 'MAX_BOUNDARY_BYTES', place.own)
    const found = boundary === null ? NO_LINES : boundaryLines(this.lines, stretch, boundary)
    const ranges = await this.rangesBetween(found.usual, found.isClosed, endByte)
    const parts = await this.entities(ranges, partPlaces(place, reading.mediaType))
    for (const other of found.others) this.followLines(other, reading, endByte, place)
    this.followBoundaries(reading, stretch, endByte, place)
    if (found.usual.length === 0) this.followGuesses(reading, stretch, endByte, place)
    else await this.followStray(found, body, place)
    const number = parts.length === 0 && place.asMultipart === '0' ? place.own : place.asMultipart
    return { ...leafOf(reading, endByte, place), number, parts }
  }

  /** From after each boundary line to before the next; the line end before a boundary belongs to it. */
  private async rangesBetween(indexes: readonly number[], isClosed: boolean, endByte: number): Promise<Range[]> {
    const ranges: Range[] = []
    const count = isClosed ? indexes.length - 1 : indexes.length
    for (let at = 0; at < count; at++) {
      const known = this.lines.nexts[indexes[at]!]!
      const startByte = Math.min(endByte, known >= 0 ? known : await lineAfter(this.source, this.lines, indexes[at]!))
      const next = indexes[at + 1]
      ranges.push({
        startByte,
        endByte: next === undefined ? endByte : Math.max(startByte, this.lines.starts[next]! - 1),
      })
    }
    return ranges
  }

  private followLines(other: OtherLines, reading: Reading, endByte: number, place: Place): void {
    const follow = async () => {
      const ranges = await this.rangesBetween(other.lines(), other.isClosed, endByte)
      return this.entities(ranges, partPlaces(place, reading.mediaType))
    }
    this.ledger.follow({ what: other.what, follow }, place.own)
  }

  /** The other boundaries that the header may mean, where lines in the body bear them out. */
  private followBoundaries(reading: Reading, stretch: Stretch, endByte: number, place: Place): void {
    if (reading.boundaries.length < 2) return
    const ids = textIdsIn(this.lines, stretch)
    const occurring = reading.boundaries.slice(1).filter(boundary => {
      if (boundary === OVERFLOW || boundary.length > MAX_BOUNDARY_BYTES)
        this.ledger.note('overLimit', 'MAX_BOUNDARY_BYTES', place.own)
      return ids.has(this.lines.idOfText.get(boundary) ?? -1) || ids.has(this.lines.idOfText.get(`${boundary}--`) ?? -1)
    })
    if (occurring.length > MAX_OTHER_BOUNDARIES) this.ledger.note('overLimit', 'MAX_OTHER_READINGS', place.own)
    for (const boundary of occurring.slice(0, MAX_OTHER_BOUNDARIES)) {
      const follow = async () => [await this.multipart({ ...reading, boundaries: [boundary] }, endByte, place)]
      this.ledger.follow({ what: 'several boundaries', follow }, place.own)
    }
  }

  /** No boundary, or none that occurs: programs then guess. */
  private followGuesses(reading: Reading, stretch: Stretch, endByte: number, place: Place): void {
    this.noteOdd(reading.boundaries[0] ? 'boundary not in the body' : 'boundary missing', place.own)
    if (stretch.from === stretch.below) return
    const guess = { what: 'boundary guessed', isClosed: false }
    this.followLines({ ...guess, lines: () => indexesOf(stretch) }, reading, endByte, place)
    const first = this.lines.texts[this.lines.textIds[stretch.from]!]!
    if (first === '') return
    const asFirst = () => boundaryLines(this.lines, stretch, first).usual
    this.followLines({ ...guess, lines: asFirst }, reading, endByte, place)
  }

  /** Before the first boundary and after the last one: no part by the book, but some programs show it. */
  private async followStray(found: BoundaryLines, body: Range, place: Place): Promise<void> {
    const first = this.lines.starts[found.usual[0]!]!
    if (first - 1 > body.startByte)
      await this.followStrayText({ startByte: body.startByte, endByte: first - 1 }, place, 'before the parts')
    if (!found.isClosed) return
    const startByte = await lineAfter(this.source, this.lines, found.usual.at(-1)!)
    if (startByte < body.endByte)
      await this.followStrayText({ startByte, endByte: body.endByte }, place, 'after the parts')
  }

  private async followStrayText(range: Range, place: Place, where: string): Promise<void> {
    const head = await this.source.at(range.startByte, Math.min(range.endByte, range.startByte + STRAY_TEXT_BYTES))
    const strayPlace = { ...place, own: place.asMultipart, depth: place.depth + 1 }
    if (/^\s*content-[a-z-]+[ \t]*:/i.test(head.toString('latin1'))) {
      this.ledger.follow(
        { what: `a part's header ${where}`, follow: () => this.entities([range], () => strayPlace) },
        place.own,
      )
    } else if (range.endByte - range.startByte > STRAY_TEXT_BYTES) {
      this.ledger.follow({ what: `much text ${where}`, follow: async () => [plainLeaf(range, strayPlace)] }, place.own)
    }
  }
}

const NO_LINES: BoundaryLines = { usual: [], isClosed: false, others: [] }

/** RFC 2046 5.1.5: in a digest every part is a message unless it says otherwise. */
function partPlaces(place: Place, mediaType: string): (index: number) => Place {
  const defaultType = mediaType === 'multipart/digest' ? 'message/rfc822' : 'text/plain'
  return index => {
    const number = place.prefix === '' ? String(index + 1) : `${place.prefix}.${index + 1}`
    return { own: number, asMultipart: number, prefix: number, depth: place.depth + 1, defaultType }
  }
}

function entityKey(range: Range, place: Place): string {
  return `${range.startByte}-${range.endByte} ${place.defaultType}`
}

function leafOf(reading: Reading, endByte: number, place: Place): Part {
  const { mediaType, fileName, encoding, isAttachment } = reading
  return {
    number: place.own,
    mediaType,
    fileName,
    encoding,
    startByte: Math.min(reading.bodyByte, endByte),
    endByte,
    ...(isAttachment ? { isAttachment } : {}),
    parts: [],
  }
}

function plainLeaf(range: Range, place: Place): Part {
  return { number: place.own, mediaType: 'text/plain', fileName: null, encoding: 'identity', ...range, parts: [] }
}

/** Follows what waits, in the order it was met, and what that brings up in turn; keeps the leaves that nobody has shown before. */
export async function followAll(ledger: Ledger): Promise<void> {
  ledger.isFollowing = true
  for (let next = ledger.nextPending(); next; next = ledger.nextPending()) {
    const { what, follow } = next
    for (const part of await follow()) {
      for (const leaf of leavesOf(part)) {
        // A multipart in which this reading found no parts: its text is in the tree already.
        const isEmptyShell = leaf.mediaType.startsWith('multipart/') && leaf.encoding === 'identity'
        if (!isEmptyShell) ledger.addOther(leaf, what)
      }
    }
  }
}
