// Deflated bytes out of a source, as a stream with a bound: how many input bytes the stream took, and how it ended.
// Small members are inflated in one call, because a stream per member costs more than the member.
import { createInflateRaw, inflateRawSync, type InflateRaw } from 'node:zlib'
import { CHUNK_BYTES } from '../../mail/limits.js'
import type { Into, Source } from './reader.js'

export type Inflated = {
  readonly consumedBytes: number
  /** null: the deflate stream came to its end. */
  readonly fault: string | null
}

const SMALL_INPUT_BYTES = 64 * 1024
const SMALL_OUTPUT_BYTES = 512 * 1024

/** Inflates what begins at startByte and ends at endByte at the latest. `into` may throw: that error is passed on. */
export async function inflate(source: Source, startByte: number, endByte: number, into: Into): Promise<Inflated> {
  const small = endByte - startByte <= SMALL_INPUT_BYTES ? inflateSmall(source.read(startByte, endByte)) : null
  if (small) {
    if (small.content.length > 0) into(small.content)
    return { consumedBytes: small.consumedBytes, fault: null }
  }
  return new Inflation(into).run(source, startByte, Math.min(endByte, source.sizeBytes))
}

function inflateSmall(input: Buffer): { content: Buffer; consumedBytes: number } | null {
  try {
    const result = inflateRawSync(input, { maxOutputLength: SMALL_OUTPUT_BYTES, info: true }) as unknown as {
      buffer: Buffer
      engine: InflateRaw
    }
    return { content: result.buffer, consumedBytes: result.engine.bytesWritten }
  } catch {
    // Too large, cut short or damaged: the stream below gives what can be had and says which.
    return null
  }
}

class Inflation {
  readonly #engine = createInflateRaw({ chunkSize: CHUNK_BYTES })
  #ended = false
  #fault: string | null = null
  #intoFailed: { readonly error: unknown } | null = null
  #wake: () => void = () => undefined

  constructor(into: Into) {
    this.#engine.on('data', (chunk: Buffer) => {
      if (this.#intoFailed) return
      try {
        into(chunk)
      } catch (error) {
        this.#intoFailed = { error }
        this.#engine.destroy()
      }
    })
    this.#engine.on('end', () => {
      this.#ended = true
      this.#wake()
    })
    this.#engine.on('error', (error: NodeJS.ErrnoException) => {
      this.#fault = error.code === 'Z_BUF_ERROR' ? 'cut short' : 'damaged deflate data'
      this.#wake()
    })
    this.#engine.on('close', () => this.#wake())
  }

  async run(source: Source, startByte: number, endByte: number): Promise<Inflated> {
    for (let at = startByte; at < endByte && !this.#isOver(); at += CHUNK_BYTES) {
      const chunk = source.read(at, Math.min(at + CHUNK_BYTES, endByte))
      await this.#step(done => this.#engine.write(chunk, done))
    }
    if (!this.#isOver()) await this.#step(() => this.#engine.end())
    const consumedBytes = this.#engine.bytesWritten
    this.#engine.destroy()
    if (this.#intoFailed) throw this.#intoFailed.error
    return { consumedBytes, fault: this.#ended ? null : (this.#fault ?? 'cut short') }
  }

  #isOver(): boolean {
    return this.#ended || this.#fault !== null || this.#intoFailed !== null
  }

  // zlib drops the callback of a write when the deflate stream ends inside it, so any of the events wakes us too.
  #step(act: (done: () => void) => void): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
      act(resolve)
    })
  }
}
