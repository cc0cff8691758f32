// What one run may use up. An overrun is a fault with the place where it happened, and no `exception` catches it.
import type { Outcome } from '../mail/outcome.js'
import { faultAt, type Fault, type Position } from './diagnostics.js'

/** Statements and expressions evaluated; long texts and searches count more than one. */
export const MAX_STEPS = 1_000_000
/** After so many steps the run offers its thread to others. */
export const STEPS_BETWEEN_PAUSES = 20_000
/** After so much work it does so too, however few steps that was. */
const MS_BETWEEN_PAUSES = 10
/** Time at work of a whole run; waiting for answers does not count. */
export const MAX_RUN_MS = 10_000
/** Looking at the clock costs more than a small step. */
const STEPS_BETWEEN_LOOKS = 32
/** Bytes of text built or searched that count as one step. */
const BYTES_PER_STEP = 512
/** What `echo` writes, all together. */
export const MAX_OUTPUT_LENGTH = 64 * 1024
/** `log` lines of one run. */
export const MAX_LOG_LINES = 1000
/** Their bytes. */
export const MAX_LOG_BYTES = 1024 * 1024
/** Warnings that are told of; the rest would say the same. */
export const MAX_WARNINGS = 10
/** A pattern compiled in the run; its size comes on top. */
const STEPS_PER_COMPILE = 2000
/** maildrop's own bound. */
export const MAX_INCLUDE_DEPTH = 20
/** Copies by `cc`. */
export const MAX_COPIES = 100
/** What one `foreach` goes over. */
export const MAX_FOREACH_MATCHES = 10_000

/** Ends the run, or the `exception` block around it: what was asked failed. Thrown by handlers, caught in the run only. */
export class Failure extends Error {
  constructor(
    readonly reason: { readonly outcome: Outcome; readonly at: Position | null } | { readonly fault: Fault },
    readonly canBeCaught: boolean,
  ) {
    super('rules ended')
  }
}

export class Budget {
  readonly #clock: () => number
  #steps = 0
  #pausedAt = 0
  #lookedAt = 0
  #workedMs = 0
  #resumedAtMs = 0
  /** Time at work when the clock was last looked at. */
  #seenMs = 0
  #pausedAtMs = 0
  #logLines = 0
  #logBytes = 0
  #warnings = 0
  #copies = 0

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** The run works from here on. */
  resume(): void {
    this.#resumedAtMs = this.#clock()
  }

  /** The run waits for an answer. */
  suspend(): void {
    this.#workedMs += this.#clock() - this.#resumedAtMs
  }

  step(at: Position): void {
    this.#spend(1, at)
  }

  /** Work on that much text. */
  work(bytes: number, at: Position): void {
    if (bytes >= BYTES_PER_STEP) this.#spend(Math.floor(bytes / BYTES_PER_STEP), at)
  }

  isPauseDue(): boolean {
    const isDue =
      this.#steps - this.#pausedAt >= STEPS_BETWEEN_PAUSES || this.#seenMs - this.#pausedAtMs >= MS_BETWEEN_PAUSES
    if (!isDue) return false
    this.#pausedAt = this.#steps
    this.#pausedAtMs = this.#seenMs
    return true
  }

  compile(size: number, at: Position): void {
    this.#spend(STEPS_PER_COMPILE + size, at)
  }

  countLogLine(text: string, at: Position): void {
    this.#logBytes += Buffer.byteLength(text)
    if (this.#logBytes > MAX_LOG_BYTES) overrun(at, `more than ${MAX_LOG_BYTES} bytes of log lines`)
    if (++this.#logLines > MAX_LOG_LINES) overrun(at, `more than ${MAX_LOG_LINES} log lines`)
  }

  /** Whether one more warning is told of. */
  countWarning(): boolean {
    return ++this.#warnings <= MAX_WARNINGS
  }

  countCopy(at: Position): void {
    if (++this.#copies > MAX_COPIES) overrun(at, `more than ${MAX_COPIES} copies`)
  }

  #spend(steps: number, at: Position): void {
    this.#steps += steps
    if (this.#steps > MAX_STEPS) overrun(at, `more than ${MAX_STEPS} steps`, 'a loop that does not end?')
    if (this.#steps - this.#lookedAt >= STEPS_BETWEEN_LOOKS) this.#look(at)
  }

  #look(at: Position): void {
    this.#lookedAt = this.#steps
    this.#seenMs = this.#workedMs + this.#clock() - this.#resumedAtMs
    if (this.#seenMs > MAX_RUN_MS) overrun(at, `the filter worked for more than ${MAX_RUN_MS / 1000} seconds`)
  }
}

export function overrun(at: Position, message: string, hint?: string): never {
  throw new Failure({ fault: faultAt(at, message, hint) }, false)
}
