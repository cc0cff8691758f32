// uuencode (POSIX uuencode(1)): the lines after `begin`, or from the first line that looks like data where there is none,
// to `end`. Lines that are no data are stepped over; blanks that a gateway cut off count as zeros.
import { NOTHING, type Decoder } from './decoder.js'

const LF = 10
const CR = 13
/** A data line has 61 characters; what is longer is no data and cut. */
const MAX_LINE_BYTES = 256

export class UuencodeDecoder implements Decoder {
  isDone = false
  private hasBegun = false
  private held: Buffer = NOTHING

  write(chunk: Buffer): Buffer {
    const input = this.held.length > 0 ? Buffer.concat([this.held, chunk]) : chunk
    const out = Buffer.allocUnsafe(input.length)
    let length = 0
    let at = 0
    while (at < input.length && !this.isDone) {
      const end = lineEnd(input, at)
      if (end < 0) break
      length += this.line(input.subarray(at, Math.min(end, at + MAX_LINE_BYTES)), out, length)
      at = end + 1
    }
    this.held = Buffer.from(input.subarray(at, at + MAX_LINE_BYTES))
    return out.subarray(0, length)
  }

  end(): Buffer {
    const out = Buffer.allocUnsafe(MAX_LINE_BYTES)
    return this.isDone ? NOTHING : out.subarray(0, this.line(this.held, out, 0))
  }

  /** Decodes one line to `out` and says how many bytes it brought. */
  private line(line: Buffer, out: Buffer, at: number): number {
    if (line.length === 0) return 0
    const first = line[0]!
    if (first === 0x62 && /^begin[ \t]/.test(line.toString('latin1', 0, 6))) {
      this.hasBegun = true
      return 0
    }
    if (first === 0x65 && /^end\s*$/.test(line.toString('latin1'))) {
      this.isDone = this.hasBegun
      return 0
    }
    const count = (first - 32) & 63
    if (first < 32 || first > 96 || count === 0) return 0
    if (!isData(line, count)) return 0
    this.hasBegun = true
    for (let group = 0; group * 3 < count; group++) {
      const [one, two, three, four] = [0, 1, 2, 3].map(place => ((line[1 + group * 4 + place] ?? 32) - 32) & 63) as [
        number,
        number,
        number,
        number,
      ]
      const bytes = [(one << 2) | (two >> 4), ((two & 15) << 4) | (three >> 2), ((three & 3) << 6) | four]
      for (let place = 0; place < 3 && group * 3 + place < count; place++) out[at + group * 3 + place] = bytes[place]!
    }
    return count
  }
}

function lineEnd(input: Buffer, from: number): number {
  for (let at = from; at < input.length; at++) if (input[at] === LF || input[at] === CR) return at
  return -1
}

/** The data's characters, as many as the length says, give or take a check character and blanks cut off. */
function isData(line: Buffer, count: number): boolean {
  const characters = Math.ceil(count / 3) * 4
  let length = line.length - 1
  while (length > 0 && line[length] === 32) length--
  if (length > characters + 2) return false
  for (let at = 1; at <= length; at++) if (line[at]! < 32 || line[at]! > 96) return false
  return true
}
