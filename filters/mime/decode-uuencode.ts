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
    const decoded: Buffer[] = []
    let at = 0
    while (at < input.length && !this.isDone) {
      const end = lineEnd(input, at)
      if (end < 0) break
      decoded.push(this.line(input.subarray(at, Math.min(end, at + MAX_LINE_BYTES))))
      at = end + 1
    }
    this.held = Buffer.from(input.subarray(at, at + MAX_LINE_BYTES))
    return Buffer.concat(decoded)
  }

  end(): Buffer {
    return this.isDone ? NOTHING : this.line(this.held)
  }

  private line(line: Buffer): Buffer {
    const first = line[0]
    if (first === undefined) return NOTHING
    if (first === 0x62 && /^begin[ \t]/.test(line.toString('latin1', 0, 6))) {
      this.hasBegun = true
      return NOTHING
    }
    if (first === 0x65 && /^end\s*$/.test(line.toString('latin1'))) {
      this.isDone = this.hasBegun
      return NOTHING
    }
    const count = (first - 32) & 63
    if (first < 32 || first > 96 || count === 0 || !isData(line, count)) return NOTHING
    this.hasBegun = true
    return decodedLine(line, count)
  }
}

function decodedLine(line: Buffer, count: number): Buffer {
  const decoded = Buffer.alloc(count + 2)
  const sixBits = (place: number) => ((line[place] ?? 32) - 32) & 63
  for (let from = 1, to = 0; to < count; from += 4, to += 3) {
    const bits = (sixBits(from) << 18) | (sixBits(from + 1) << 12) | (sixBits(from + 2) << 6) | sixBits(from + 3)
    decoded.writeUIntBE(bits, to, 3)
  }
  return decoded.subarray(0, count)
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
