// Where a member's bytes go while they come out of an archive: memory up to a limit, then the thread's scratch file.
// The scratch file is a stack: a nested archive keeps its stretch while its own members use what is above it.
import { writeSync } from 'node:fs'
import { LimitReached, type Budget, type Stopwatch } from './budget.js'
import type { Source } from './reader.js'
import { sourceOfBuffer, sourceOfFile } from './source.js'

export type MemberBytes = {
  readonly sizeBytes: number
  /** null: they lie in the scratch file. */
  readonly memory: Uint8Array<ArrayBuffer> | null
  readonly startByte: number
  readonly source: Source
}

/** What one container may still put out, ratio included; asked for every chunk. */
export class Meter {
  #bytes = 0
  readonly #ratioBytes: number

  constructor(
    readonly budget: Budget,
    readonly stopwatch: Stopwatch,
    containerBytes: number,
  ) {
    this.#ratioBytes = Math.max(budget.limits.ratioFloorBytes, containerBytes * budget.limits.maxRatio)
  }

  take(bytes: number): void {
    this.stopwatch.check()
    this.budget.takeBytes(bytes)
    this.#bytes += bytes
    if (this.#bytes > this.#ratioBytes) throw new LimitReached('maxRatio')
  }
}

/** The thread's file; `topByte` is where the next large member begins. */
export type ScratchStack = { readonly fd: number; topByte: number }

export class MemberWriter {
  #chunks: Uint8Array[] = []
  #sizeBytes = 0
  #inFile = false

  constructor(
    private readonly meter: Meter,
    private readonly scratch: ScratchStack,
  ) {}

  write(chunk: Uint8Array): void {
    this.meter.take(chunk.length)
    if (!this.#inFile && this.#sizeBytes + chunk.length > this.meter.budget.limits.memoryBytes) this.#moveToFile()
    if (this.#inFile) this.#append(chunk)
    // The chunk may lie in a decoder's memory, or be a view of a whole read: what is kept is a copy of its own.
    else this.#chunks.push(Uint8Array.prototype.slice.call(chunk))
    this.#sizeBytes += chunk.length
  }

  finish(): MemberBytes {
    const sizeBytes = this.#sizeBytes
    const startByte = this.scratch.topByte
    if (this.#inFile) {
      return { sizeBytes, memory: null, startByte, source: sourceOfFile(this.scratch.fd, startByte, sizeBytes) }
    }
    const memory = joined(this.#chunks, sizeBytes)
    const source = sourceOfBuffer(Buffer.from(memory.buffer))
    return { sizeBytes, memory, startByte, source }
  }

  #moveToFile(): void {
    this.#inFile = true
    const kept = joined(this.#chunks, this.#sizeBytes)
    this.#chunks = []
    this.#sizeBytes = 0
    this.#append(kept)
    this.#sizeBytes = kept.length
  }

  #append(chunk: Uint8Array): void {
    let written = 0
    while (written < chunk.length) {
      const at = this.scratch.topByte + this.#sizeBytes + written
      written += writeSync(this.scratch.fd, chunk, written, chunk.length - written, at)
    }
  }
}

function joined(chunks: readonly Uint8Array[], sizeBytes: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(sizeBytes)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
