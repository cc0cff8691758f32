// A leaf of the message goes in; it is visited, and so is every file inside it at any depth. Findings say what could
// not be looked at and why. Nothing that an archive holds makes this throw: it rejects when the signal aborts, when
// visit rejects, and when our own disk fails before anything was visited.
import type { Finding } from '../../mail/finding.js'
import { Budget } from './budget.js'
import { gather, rangesOf, streamFile, type Gathered } from './gather.js'
import { recognise } from './recognise.js'
import { runJob } from './run-job.js'
import type { UnpackSettings } from './settings.js'
import { ThreadPool } from './thread-pool.js'
import type { JobContent } from './thread-protocol.js'
import { visitOnce, type Leaf } from './visit-once.js'

export type { Leaf } from './visit-once.js'
export type { Budget } from './budget.js'

export type Container = {
  /** `1.2 offer.zip` */
  readonly where: string
  readonly fileName: string | null
  readonly content: AsyncIterable<Buffer>
}

export interface Unpacker {
  /** Visits one leaf at a time and waits for it: first the container, then what is in it, archives inside included. */
  unpack(
    container: Container,
    budget: Budget,
    visit: (leaf: Leaf) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Finding[]>
  /** Ends all threads; what is being unpacked ends with an `unscanned` finding. */
  close(): Promise<void>
}

/** One for each message, shared by all its containers. */
export function newBudget(settings: UnpackSettings): Budget {
  return new Budget(settings)
}

export function createUnpacker(settings: UnpackSettings): Unpacker {
  const pool = new ThreadPool(settings)
  return {
    async unpack(container, budget, visit, signal) {
      signal.throwIfAborted()
      const gathered = await gather(container.content, settings, signal)
      try {
        await visitOnce(visit, container.where, gathered.sizeBytes, () => contentOf(gathered.content))
        signal.throwIfAborted()
        if (!(await isArchive(gathered))) return []
        const job = { where: container.where, fileName: container.fileName, content: gathered.content }
        return await runJob(pool, job, budget, visit, signal)
      } finally {
        gathered.dispose()
      }
    },
    close: () => pool.close(),
  }
}

async function isArchive(gathered: Gathered): Promise<boolean> {
  const { archives } = await recognise(rangesOf(gathered.content), gathered.sizeBytes)
  return archives.length > 0
}

async function* contentOf(content: JobContent): AsyncGenerator<Buffer> {
  if (content.kind === 'file') yield* streamFile(content.fd, 0, content.sizeBytes)
  else if (content.bytes.length > 0)
    yield Buffer.from(content.bytes.buffer, content.bytes.byteOffset, content.bytes.length)
}
