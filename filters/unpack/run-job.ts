// One archive read by one thread: its leaves are visited one after the other while the thread reads on.
// The thread keeps to its time by itself; when it cannot (it sits inside a decoder) it is killed a little later.
import type { Finding } from '../../mail/finding.js'
import type { Budget } from './budget.js'
import { streamFile } from './gather.js'
import type { ReadingThread, ThreadPool } from './thread-pool.js'
import type { FoundLeaf, FromThread, Job } from './thread-protocol.js'
import { visitOnce, type Leaf } from './visit-once.js'

/** A thread that keeps to its time says so itself; this is what it may need to say it. */
const GRACE_MS = 150

type Visit = (leaf: Leaf) => Promise<void>

export async function runJob(
  pool: ThreadPool,
  archive: Pick<Job, 'where' | 'fileName' | 'content'>,
  budget: Budget,
  visit: Visit,
  signal: AbortSignal,
): Promise<Finding[]> {
  const thread = await pool.acquire(signal)
  const running = new RunningJob(pool, thread, budget, archive.where)
  let isReusable = false
  try {
    thread.say({ kind: 'read', job: { ...archive, limits: budget.limits, budget: budget.shared } })
    isReusable = (await running.visitAll(visit, signal)) === 'reusable'
    return running.findings
  } finally {
    running.stop()
    pool.release(thread, isReusable)
  }
}

/** What the thread is after the job. */
type End = 'reusable' | 'retired' | 'killed'

class RunningJob {
  readonly findings: Finding[] = []
  readonly #leaves: FoundLeaf[] = []
  #end: End | null = null
  #where: string
  #timer: NodeJS.Timeout | null = null
  #wake: () => void = () => undefined

  constructor(
    private readonly pool: ThreadPool,
    private readonly thread: ReadingThread,
    private readonly budget: Budget,
    where: string,
  ) {
    this.#where = where
    thread.onMessage = message => this.#hear(message)
    thread.onEnd = () => this.#giveUp('unscanned')
  }

  async visitAll(visit: Visit, signal: AbortSignal): Promise<End> {
    const onAbort = () => this.#wake()
    signal.addEventListener('abort', onAbort)
    try {
      for (;;) {
        signal.throwIfAborted()
        const leaf = this.#leaves.shift()
        if (leaf) await this.#visit(leaf, visit)
        else if (this.#end) return this.#end
        else await this.#something()
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  stop(): void {
    this.#end ??= 'killed'
    this.#stopTimer()
  }

  async #visit(leaf: FoundLeaf, visit: Visit): Promise<void> {
    const { bytes, startByte, sizeBytes } = leaf
    await visitOnce(visit, leaf.where, sizeBytes, () =>
      bytes ? inMemory(bytes) : streamFile(this.thread.scratchFd, startByte, sizeBytes),
    )
    if (!this.#end) this.thread.say({ kind: 'visited', leaves: 1 })
  }

  #hear(message: FromThread): void {
    if (this.#end) return
    if (message.kind === 'leaf') this.#leaves.push(message)
    else if (message.kind === 'finding') this.findings.push(message.finding)
    else if (message.kind === 'waiting') this.#pause()
    else if (message.kind === 'done') this.#finish(message.isRetired ? 'retired' : 'reusable')
    else {
      this.#where = message.where
      if (this.thread.isWaiting) this.pool.setWaiting(this.thread, false)
      if (!this.#timer) this.#startTimer()
    }
    this.#wake()
  }

  #pause(): void {
    this.#stopTimer()
    this.pool.setWaiting(this.thread, true)
  }

  #startTimer(): void {
    this.#stopTimer()
    const startedAt = performance.now()
    this.#timer = setTimeout(
      () => {
        // The thread counts its time only when it stops; this one will not stop.
        this.budget.takeMs(performance.now() - startedAt)
        this.#giveUp('overLimit')
      },
      Math.max(0, this.budget.msLeft()) + GRACE_MS,
    )
  }

  #stopTimer(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
  }

  #giveUp(kind: 'overLimit' | 'unscanned'): void {
    if (this.#end) return
    const where = this.#where
    const why = `the reader ended: ${this.thread.failure ?? 'stopped'}`
    this.findings.push(kind === 'overLimit' ? { kind, limit: 'maxTimeMs', where } : { kind, by: 'unpack', why, where })
    // What it has given out already is whole and is still visited.
    this.#finish('killed')
    this.pool.stop(this.thread)
  }

  #finish(end: End): void {
    this.#end = end
    this.#stopTimer()
    this.#wake()
  }

  #something(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }
}

async function* inMemory(bytes: Uint8Array): AsyncGenerator<Buffer> {
  if (bytes.length > 0) yield Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
