// A fixed number of places at a server that serves only so many at a time. First come, first served;
// who waits does so no longer than its signal allows.
import { whyAborted } from './deadline.js'

export class Slots {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(count: number) {
    this.#free = count
  }

  /** Runs the work as soon as there is a place; `given up` with why when the signal fires first. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>, givenUp: (why: string) => T): Promise<T> {
    if (!(await this.#take(signal))) return givenUp(`all places were taken, ${whyAborted(signal)}`)
    try {
      return await work()
    } finally {
      this.#giveBack()
    }
  }

  #take(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false)
    if (this.#free > 0) {
      this.#free -= 1
      return Promise.resolve(true)
    }
    return new Promise(resolve => {
      const leave = () => {
        this.#waiting.delete(enter)
        resolve(false)
      }
      const enter = () => {
        signal.removeEventListener('abort', leave)
        resolve(true)
      }
      this.#waiting.add(enter)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  #giveBack(): void {
    const next = this.#waiting.values().next().value
    if (!next) {
      this.#free += 1
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
