// The message as patterns search it: the header as one block of lines, the body piece by piece, each valid UTF-8; and
// which patterns occur in each, found once per script. Small bodies are one piece, asked for once; of a large one only
// the last piece is kept. When a script replaces the message, a new message text takes this one's place.
import { isUtf8 } from 'node:buffer'
import { asking, type Facts, type Run } from './asks.js'
import type { Program } from './program.js'

/** `lines` has no last line end; null when there is no line at all. */
export type BodyPiece = { readonly lines: Buffer | null; readonly fromByte: number; readonly nextByte: number | null }

/** The indexes of the patterns that occur; null when each has to be searched for. */
type Occurring = ReadonlySet<number> | null

/** What occurs in one piece of the body, and where the next begins. */
export type PieceOccurrences = { readonly occurring: Occurring; readonly nextByte: number | null }

export class MessageText {
  readonly headerLines: readonly string[]
  /** null when there is no line to search. */
  readonly topHeader: Buffer | null
  readonly allHeaders: Buffer | null
  #lastPiece: BodyPiece | null = null
  readonly #inHeader = new Map<Program, Occurring>()
  readonly #inBody = new Map<Program, Map<number, PieceOccurrences>>()

  constructor(facts: Pick<Facts, 'headerLines' | 'partHeaderLines'>) {
    this.headerLines = facts.headerLines
    const partLines = facts.partHeaderLines ?? []
    this.topHeader = blockOf(facts.headerLines)
    this.allHeaders = partLines.length === 0 ? this.topHeader : blockOf([...facts.headerLines, ...partLines])
  }

  occurringInHeader(program: Program): Occurring {
    let occurring = this.#inHeader.get(program)
    if (occurring === undefined) {
      occurring = this.allHeaders ? program.headerPrefilter.occurring(this.allHeaders) : null
      this.#inHeader.set(program, occurring)
    }
    return occurring
  }

  *occurringInBody(program: Program, fromByte: number): Run<PieceOccurrences> {
    const pieces = this.#inBody.get(program) ?? new Map<number, PieceOccurrences>()
    this.#inBody.set(program, pieces)
    const known = pieces.get(fromByte)
    if (known) return known
    const { lines, nextByte } = yield* this.pieceAt(fromByte)
    const found = { occurring: lines ? program.bodyPrefilter.occurring(lines) : new Set<number>(), nextByte }
    pieces.set(fromByte, found)
    return found
  }

  /** What occurs in each piece of the body; null while not all pieces were looked at. */
  knownInBody(program: Program): PieceOccurrences[] | null {
    const known = this.#inBody.get(program)
    const pieces: PieceOccurrences[] = []
    for (let fromByte: number | null = 0; fromByte !== null;) {
      const piece: PieceOccurrences | undefined = known?.get(fromByte)
      if (!piece) return null
      pieces.push(piece)
      fromByte = piece.nextByte
    }
    return pieces
  }

  *pieceAt(fromByte: number): Run<BodyPiece> {
    if (this.#lastPiece?.fromByte === fromByte) return this.#lastPiece
    const { bytes, nextByte } = yield* asking({ ask: 'body', fromByte })
    if (nextByte !== null && nextByte <= fromByte)
      throw new Error(`the body after byte ${fromByte} goes on at ${nextByte}`)
    this.#lastPiece = { lines: bytes.length === 0 ? null : searchable(bytes), fromByte, nextByte }
    return this.#lastPiece
  }
}

/** Lines joined without a last line end: to a pattern that would be one empty line more. */
function blockOf(lines: readonly string[]): Buffer | null {
  if (lines.length === 0) return null
  // A line end inside a line would make two of one.
  return Buffer.from(lines.map(line => (line.includes('\n') ? line.replaceAll('\n', ' ') : line)).join('\n'))
}

/** Without the last line end. Bytes that are no UTF-8 are read as latin-1: RE2 searches nothing else. */
function searchable(bytes: Buffer): Buffer {
  const lines = bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes
  return isUtf8(lines) ? lines : Buffer.from(lines.toString('latin1'))
}
