// What one run may use up. An overrun is a fault with the place where it happened, and no `exception` catches it.
import type { Outcome } from '../mail/outcome.js'
import { faultAt, type Fault, type Position } from './diagnostics.js'

/** Statements and expressions evaluated; long texts and searches count more than one. */
export const MAX_STEPS = 1_000_000
/** After so many steps the run offers its thread to others. */
export const STEPS_BETWEEN_PAUSES = 20_000
/** Bytes of text built or searched that count as one step. */
const BYTES_PER_STEP = 512
/** What `echo` writes, all together. */
export const MAX_OUTPUT_LENGTH = 64 * 1024
/** `log` lines of one run. */
export const MAX_LOG_LINES = 1000
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
  #steps = 0
  #pausedAt = 0
  #logLines = 0
  #copies = 0

  step(at: Position): void {
    this.#spend(1, at)
  }

  /** Work on that much text. */
  work(bytes: number, at: Position): void {
    if (bytes >= BYTES_PER_STEP) this.#spend(Math.floor(bytes / BYTES_PER_STEP), at)
  }

  isPauseDue(): boolean {
    if (this.#steps - this.#pausedAt < STEPS_BETWEEN_PAUSES) return false
    this.#pausedAt = this.#steps
    return true
  }

  countLogLine(at: Position): void {
    if (++this.#logLines > MAX_LOG_LINES) overrun(at, `more than ${MAX_LOG_LINES} log lines`)
  }

  countCopy(at: Position): void {
    if (++this.#copies > MAX_COPIES) overrun(at, `more than ${MAX_COPIES} copies`)
  }

  #spend(steps: number, at: Position): void {
    this.#steps += steps
    if (this.#steps > MAX_STEPS) overrun(at, `more than ${MAX_STEPS} steps`, 'a loop that does not end?')
  }
}

export function overrun(at: Position, message: string, hint?: string): never {
  throw new Failure({ fault: faultAt(at, message, hint) }, false)
}
