// BinHex 4.0 (RFC 1741 and its appendix): six-bit characters between two colons, runs packed with 0x90, then a header
// and two forks, of which the data fork comes out. A run makes 255 bytes of two: whoever reads counts bytes.
import { NOTHING, type Decoder } from './decoder.js'

const COLON = 0x3a
const RUN = 0x90
const ALPHABET = '!"#$%&\'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr'
const VALUES = new Uint8Array(256).fill(64)
for (const [value, character] of ALPHABET.split('').entries()) VALUES[character.charCodeAt(0)] = value

export class BinhexDecoder implements Decoder {
  isDone = false
  /** Known once enough has been written; latin-1, without folders. */
  fileName: string | null = null
  private hasBegun = false
  private isAtLineStart = true
  private bits = 0
  private bitCount = 0
  private lastByte = 0
  private isRun = false
  private header: number[] | null = []
  private dataLeft = 0
  private out: Buffer = NOTHING
  private length = 0

  write(chunk: Buffer): Buffer {
    this.out = Buffer.allocUnsafe(chunk.length)
    this.length = 0
    for (let at = 0; at < chunk.length && !this.isDone; at++) this.character(chunk[at]!)
    return this.out.subarray(0, this.length)
  }

  end(): Buffer {
    return NOTHING
  }

  private character(byte: number): void {
    if (!this.hasBegun) {
      this.hasBegun = byte === COLON && this.isAtLineStart
      this.isAtLineStart = byte === 10 || byte === 13
      return
    }
    if (byte === COLON) {
      this.isDone = true
      return
    }
    const value = VALUES[byte]!
    if (value === 64) return
    this.bits = ((this.bits << 6) | value) & 0x3fff
    this.bitCount += 6
    if (this.bitCount < 8) return
    this.bitCount -= 8
    this.packed((this.bits >> this.bitCount) & 0xff)
  }

  private packed(byte: number): void {
    if (this.isRun) {
      this.isRun = false
      if (byte === 0) this.put((this.lastByte = RUN), 1)
      else this.put(this.lastByte, byte - 1)
    } else if (byte === RUN) this.isRun = true
    else this.put((this.lastByte = byte), 1)
  }

  private put(byte: number, times: number): void {
    let left = times
    for (; left > 0 && this.header; left--) this.headerByte(byte, this.header)
    const count = Math.min(left, this.dataLeft)
    if (count === 0) return
    if (this.length + count > this.out.length) {
      const larger = Buffer.allocUnsafe((this.out.length + count) * 2)
      this.out.copy(larger, 0, 0, this.length)
      this.out = larger
    }
    this.out.fill(byte, this.length, this.length + count)
    this.length += count
    this.dataLeft -= count
    if (this.dataLeft === 0) this.isDone = true
  }

  /** Length of the name, name, a zero, type, creator, flags, lengths of the two forks, a checksum. */
  private headerByte(byte: number, header: number[]): void {
    header.push(byte)
    const nameLength = header[0]!
    if (header.length < nameLength + 22) return
    const bytes = Buffer.from(header)
    const name = bytes.toString('latin1', 1, 1 + nameLength)
    this.fileName = name.slice(name.lastIndexOf('/') + 1)
    this.dataLeft = bytes.readUInt32BE(nameLength + 12)
    this.header = null
    this.isDone = this.dataLeft === 0
  }
}
