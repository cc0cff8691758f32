// What a walk brings together: the parts of other readings, the oddities, and how much has been spent on looking. When a
// budget is used up the walk stops there and the ledger says so: nothing is left out without a word.
import { MAX_PARTS } from '../../mail/limits.js'
import type { Oddity } from '../../mail/message.js'
import type { Part } from '../../mail/part.js'

/** Boundary lines compared, all readings together. */
const MAX_LINE_CHECKS = 2_000_000
/** Readings that wait to be followed. */
const MAX_PENDING = MAX_PARTS
const PARTS_BETWEEN_PAUSES = 500
/** Written down one by one; a person reads a few. */
const MAX_ODDITIES = 100
const SPARE_BYTES = 8 * 1024 * 1024
/** Other readings may show the message this many times over, headers may be read twice. */
const OTHER_READINGS_FACTOR = 8
const HEADERS_FACTOR = 2

export type Pending = { readonly what: string; readonly follow: () => Promise<readonly Part[]> }

export class Ledger {
  readonly otherReadings: Part[] = []
  readonly oddities: Oddity[] = []
  /** The usual reading is complete; what comes now are the others. */
  isFollowing = false
  private readonly seenLeaves = new Set<string>()
  private readonly seenOddities = new Set<string>()
  private readonly pending: Pending[] = []
  private followedCount = 0
  private partCount = 0
  private lineChecks = 0
  private headerBytes: number
  private otherBytes: number

  constructor(sizeBytes: number) {
    this.headerBytes = SPARE_BYTES + HEADERS_FACTOR * sizeBytes
    this.otherBytes = SPARE_BYTES + OTHER_READINGS_FACTOR * sizeBytes
  }

  note(kind: Oddity['kind'], what: string, where: string): void {
    const key = kind === 'overLimit' ? what : `${where} ${what}`
    if (this.seenOddities.has(key)) return
    if (kind === 'ambiguous' && this.seenOddities.size >= MAX_ODDITIES) {
      this.note('overLimit', 'MAX_ODDITIES', where)
      return
    }
    this.seenOddities.add(key)
    this.oddities.push({ kind, what, where })
  }

  /** False when the budget is used up; the oddity is then noted. */
  takePart(where: string): boolean {
    return this.within(++this.partCount <= MAX_PARTS, 'MAX_PARTS', where)
  }

  /** Now and then, so that a message of thousands of parts does not hold up the others. */
  isTimeToPause(): boolean {
    return this.partCount % PARTS_BETWEEN_PAUSES === 0
  }

  takeLines(count: number, where: string): boolean {
    this.lineChecks += count
    return this.within(this.lineChecks <= MAX_LINE_CHECKS, 'MAX_LINE_CHECKS', where)
  }

  takeHeader(bytes: number, where: string): boolean {
    this.headerBytes -= bytes
    return this.within(this.headerBytes >= 0, 'MAX_HEADER_BYTES', where)
  }

  follow(pending: Pending, where: string): void {
    if (this.within(this.pending.length < MAX_PENDING, 'MAX_OTHER_READINGS', where)) this.pending.push(pending)
  }

  nextPending(): Pending | undefined {
    return this.hasPending() ? this.pending[this.followedCount++] : undefined
  }

  hasPending(): boolean {
    return this.followedCount < this.pending.length
  }

  private within(isWithin: boolean, limit: string, where: string): boolean {
    if (!isWithin) this.note('overLimit', limit, where)
    return isWithin
  }

  /** The usual tree's leaves: what another reading shows again is nothing new. */
  addUsual(leaves: readonly Part[]): void {
    for (const leaf of leaves) this.seenLeaves.add(keyOf(leaf))
  }

  /** Keeps the leaf if no reading has shown it yet, and says why there is one. */
  addOther(leaf: Part, what: string): void {
    if (leaf.startByte === leaf.endByte) return
    const key = keyOf(leaf)
    if (this.seenLeaves.has(key)) return
    const number = `${leaf.number}~`
    this.otherBytes -= leaf.endByte - leaf.startByte
    if (!this.within(this.otherBytes >= 0, 'MAX_OTHER_READINGS', number)) return
    if (!this.within(this.otherReadings.length < MAX_PARTS, 'MAX_PARTS', number)) return
    this.seenLeaves.add(key)
    this.otherReadings.push({ ...leaf, number, parts: [] })
    this.note('ambiguous', what, number)
  }
}

function keyOf(leaf: Part): string {
  return `${leaf.startByte}-${leaf.endByte} ${leaf.encoding} ${leaf.mediaType} ${leaf.fileName ?? ''}`
}

/** The parts that have no parts, in order; from `part` itself when it has none. */
export function leavesOf(part: Part): Part[] {
  return part.parts.length === 0 ? [part] : part.parts.flatMap(leavesOf)
}
