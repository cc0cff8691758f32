// The reading threads: started on demand, reused, ended when idle, killed when they overrun their time.
// A thread that waits for a scanner lets another one start, so that slow scanning of one message does not hold up
// the archives of the next.
import { closeSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { openScratch } from './scratch.js'
import type { UnpackSettings } from './settings.js'
import type { FromThread, ThreadData, ToThread } from './thread-protocol.js'

/** JavaScript objects only; content and the decoders' memory lie outside of it and have bounds of their own. */
const MAX_HEAP_MIB = 96
const MAX_YOUNG_HEAP_MIB = 8

export class ReadingThread {
  readonly #scratchFd: number
  readonly #worker: Worker
  isWaiting = false
  hasEnded = false
  /** Why it ended by itself. */
  failure: string | null = null
  onMessage: (message: FromThread) => void = nothing
  onEnd: () => void = nothing
  idleTimer: NodeJS.Timeout | null = null

  constructor(scratchDirectory: string, program: URL) {
    this.#scratchFd = openScratch(scratchDirectory)
    const workerData: ThreadData = { scratchFd: this.#scratchFd }
    this.#worker = new Worker(program, {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB, maxYoungGenerationSizeMb: MAX_YOUNG_HEAP_MIB },
    })
    this.#worker.on('message', (message: FromThread) => this.onMessage(message))
    this.#worker.on('error', error => (this.failure = error.message))
    this.#worker.once('exit', () => {
      this.hasEnded = true
      this.onEnd()
    })
  }

  get scratchFd(): number {
    return this.#scratchFd
  }

  say(message: ToThread): void {
    this.#worker.postMessage(message)
  }

  setBusy(busy: boolean): void {
    if (busy) this.#worker.ref()
    else this.#worker.unref()
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }

  /** Ends the thread and then closes its file: nothing may be reading it any more. */
  async end(): Promise<void> {
    await this.stop()
    closeSync(this.#scratchFd)
  }
}

function nothing(): void {
  // Nobody listens between two jobs.
}

function abortError(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason })
}

type Waiter = { readonly give: (thread: ReadingThread) => void; readonly fail: (error: Error) => void }

export class ThreadPool {
  readonly #idle: ReadingThread[] = []
  readonly #busy = new Set<ReadingThread>()
  readonly #waiters: Waiter[] = []
  readonly #ending = new Set<Promise<void>>()
  #isClosed = false
  #allReleased: () => void = nothing

  constructor(
    private readonly settings: UnpackSettings,
    private readonly program: URL = new URL('./thread.js', import.meta.url),
  ) {}

  /** A thread for one job. Rejects when the signal aborts first, or when no scratch file can be made. */
  acquire(signal: AbortSignal): Promise<ReadingThread> {
    if (this.#isClosed) return Promise.reject(new Error('the unpacker is closed'))
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
        reject(abortError(signal))
      }
      const waiter: Waiter = {
        give: thread => {
          signal.removeEventListener('abort', onAbort)
          resolve(thread)
        },
        fail: error => {
          signal.removeEventListener('abort', onAbort)
          reject(error)
        },
      }
      signal.addEventListener('abort', onAbort)
      this.#waiters.push(waiter)
      this.#serve()
    })
  }

  setWaiting(thread: ReadingThread, waiting: boolean): void {
    thread.isWaiting = waiting
    if (waiting) this.#serve()
  }

  /** Ends its reading at once; its scratch file stays open until it is given back. */
  stop(thread: ReadingThread): void {
    void thread.stop()
    this.setWaiting(thread, true)
  }

  /** Gives the thread back when nobody reads its leaves any more; only a reusable one is kept. */
  release(thread: ReadingThread, isReusable: boolean): void {
    this.#busy.delete(thread)
    thread.isWaiting = false
    thread.onMessage = nothing
    thread.onEnd = nothing
    if (isReusable && !thread.hasEnded && !this.#isClosed) this.#rest(thread)
    else this.#end(thread)
    this.#serve()
    if (this.#busy.size === 0) this.#allReleased()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const waiter of this.#waiters.splice(0)) waiter.fail(new Error('the unpacker is closed'))
    for (const thread of this.#idle.splice(0)) this.#end(thread)
    for (const thread of this.#busy) this.stop(thread)
    if (this.#busy.size > 0) await new Promise<void>(resolve => (this.#allReleased = resolve))
    await Promise.all(this.#ending)
  }

  #serve(): void {
    while (this.#waiters.length > 0) {
      // A thread that is ending still has its memory.
      const running = [...this.#busy].filter(thread => !thread.isWaiting).length + this.#ending.size
      if (running >= this.settings.workers || this.#busy.size >= this.settings.maxWorkers) return
      const waiter = this.#waiters.shift()
      try {
        const thread = this.#take()
        this.#busy.add(thread)
        waiter?.give(thread)
      } catch (error) {
        waiter?.fail(error as Error)
      }
    }
  }

  #take(): ReadingThread {
    const thread = this.#idle.pop() ?? new ReadingThread(this.settings.scratchDirectory, this.program)
    if (thread.idleTimer) clearTimeout(thread.idleTimer)
    thread.idleTimer = null
    thread.setBusy(true)
    return thread
  }

  #rest(thread: ReadingThread): void {
    thread.setBusy(false)
    this.#idle.push(thread)
    thread.idleTimer = setTimeout(() => {
      this.#idle.splice(this.#idle.indexOf(thread), 1)
      this.#end(thread)
    }, this.settings.idleStopMs).unref()
  }

  #end(thread: ReadingThread): void {
    if (thread.idleTimer) clearTimeout(thread.idleTimer)
    const ended = thread.end().finally(() => {
      this.#ending.delete(ended)
      this.#serve()
    })
    this.#ending.add(ended)
  }
}
