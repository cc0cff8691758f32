// What the archives of one message may still cost. The counters lie in shared memory, so that the thread that
// reads counts while it reads and the main thread knows the sum even after it has killed that thread.
// Passing a limit throws LimitReached inside the thread, where it becomes one overLimit finding.
import type { UnpackLimits } from './settings.js'

/** The names are those of the settings: what a person has to change. */
export type LimitName = 'maxUnpackedBytes' | 'maxMembers' | 'maxDepth' | 'maxRatio' | 'maxTimeMs' | 'maxDictionaryBytes'

export class LimitReached extends Error {
  constructor(readonly limit: LimitName) {
    super(`${limit} reached`)
  }
}

const BYTES = 0
const MEMBERS = 1
const MICROSECONDS = 2

export class Budget {
  readonly #used: BigInt64Array

  constructor(
    readonly limits: UnpackLimits,
    readonly shared: SharedArrayBuffer = new SharedArrayBuffer(3 * BigInt64Array.BYTES_PER_ELEMENT),
  ) {
    this.#used = new BigInt64Array(shared)
  }

  /** Counts bytes that came out of an archive, before they are kept. */
  takeBytes(bytes: number): void {
    if (this.#add(BYTES, bytes) > this.limits.maxUnpackedBytes) throw new LimitReached('maxUnpackedBytes')
  }

  takeMember(): void {
    if (this.#add(MEMBERS, 1) > this.limits.maxMembers) throw new LimitReached('maxMembers')
  }

  membersLeft(): number {
    return Math.max(0, this.limits.maxMembers - Number(Atomics.load(this.#used, MEMBERS)))
  }

  takeMs(ms: number): void {
    this.#add(MICROSECONDS, Math.round(ms * 1000))
  }

  msLeft(): number {
    return this.limits.maxTimeMs - Number(Atomics.load(this.#used, MICROSECONDS)) / 1000
  }

  #add(counter: number, amount: number): number {
    return Number(Atomics.add(this.#used, counter, BigInt(amount))) + amount
  }
}

/** Time that a thread spends reading; it is stopped while the thread waits for the main thread. */
export class Stopwatch {
  #runningSince: number | null = null

  constructor(private readonly budget: Budget) {}

  start(): void {
    this.#runningSince ??= performance.now()
  }

  stop(): void {
    if (this.#runningSince !== null) this.budget.takeMs(performance.now() - this.#runningSince)
    this.#runningSince = null
  }

  check(): void {
    const runningMs = this.#runningSince === null ? 0 : performance.now() - this.#runningSince
    if (runningMs >= this.budget.msLeft()) throw new LimitReached('maxTimeMs')
  }
}
