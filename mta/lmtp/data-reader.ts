// Reads what follows DATA: takes the dots out, turns CRLF into LF and finds the end, whatever the packets' borders.
// Only CRLF.CRLF ends a message, and a bare LF is reported: programs that disagree about line ends are how one
// message is smuggled inside another. A CR that no LF follows is data. Works in place, line by line, without strings.

const LF = 0x0a
const CR = 0x0d
const DOT = 0x2e
const LONE_CR = Buffer.from('\r')

export type DataStep = {
  readonly kind: 'more' | 'end' | 'bareLf'
  /** The message's next bytes: a range of the chunk, overwritten in place. */
  readonly piece: Buffer
  /** Where the bytes after this message begin in the chunk; the chunk's length when there are none. */
  readonly nextByte: number
}

export class DataReader {
  /** The size so far as SIZE counts it (RFC 1870 5): with CRLF line ends, without the dots that were put in. */
  wireBytes = 0
  private atLineStart = true
  /** The line so far is a dot that may be the end, or has to be dropped. */
  private dotHeld = false
  /** The last byte was a CR: line end or data, the next byte tells. */
  private crHeld = false

  /** Reads from `startByte` on. The chunk is the reader's from now on. */
  read(chunk: Buffer, startByte: number): DataStep {
    let from = startByte
    let to = startByte
    let leadingCr = false
    if (from === chunk.length) return { kind: 'more', piece: chunk.subarray(from), nextByte: from }

    if (this.dotHeld && !this.crHeld && chunk[from] === CR) {
      this.crHeld = true
      if (++from === chunk.length) return { kind: 'more', piece: chunk.subarray(from), nextByte: from }
    }
    if (this.crHeld) {
      this.crHeld = false
      if (chunk[from] === LF) {
        from++
        if (this.dotHeld) return { kind: 'end', piece: chunk.subarray(to, to), nextByte: from }
        chunk[to++] = LF
        this.wireBytes++
        this.atLineStart = true
      } else leadingCr = true
    }
    this.dotHeld = false
    const step = this.readLines(chunk, startByte, from, to)
    if (!leadingCr) return step
    this.wireBytes++
    return { ...step, piece: Buffer.concat([LONE_CR, step.piece]) }
  }

  private readLines(chunk: Buffer, startByte: number, firstByte: number, written: number): DataStep {
    let from = firstByte
    let to = written
    let lines = 0
    let kind: DataStep['kind'] = 'more'
    for (let lf = chunk.indexOf(LF, from); lf >= 0; lf = chunk.indexOf(LF, from)) {
      if (chunk[lf - 1] !== CR) {
        kind = 'bareLf'
        break
      }
      if (this.atLineStart && chunk[from] === DOT) {
        from++
        if (from === lf - 1) {
          kind = 'end'
          from = lf + 1
          break
        }
      }
      if (to !== from) chunk.copyWithin(to, from, lf - 1)
      to += lf - 1 - from
      chunk[to++] = LF
      from = lf + 1
      lines++
      this.atLineStart = true
    }
    if (kind === 'more') {
      to = this.readTail(chunk, from, to)
      from = chunk.length
    }
    this.wireBytes += to - startByte + lines
    return { kind, piece: chunk.subarray(startByte, to), nextByte: from }
  }

  /** The last line of the chunk, whose end has not come yet. */
  private readTail(chunk: Buffer, firstByte: number, written: number): number {
    let from = firstByte
    let end = chunk.length
    if (from === end) return written
    if (this.atLineStart && chunk[from] === DOT) {
      this.dotHeld = from + 1 === end || (from + 2 === end && chunk[from + 1] === CR)
      from++
    }
    this.atLineStart = false
    if (end > from && chunk[end - 1] === CR) {
      this.crHeld = true
      end--
    }
    if (written !== from) chunk.copyWithin(written, from, end)
    return written + end - from
  }
}
