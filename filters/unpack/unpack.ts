// A leaf of the message goes in; every file inside it at any depth is visited, and then the leaf itself. Findings say
// what could not be looked at and why. Nothing that an archive holds makes this throw: it rejects when the signal
// aborts, when visit rejects, and when our own disk fails.
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
  /**
   * Visits one leaf at a time and waits for it: an archive comes after all that is in it, the container last, so that
   * a scanner that opens archives itself names the innermost place first.
   */
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
        const visiting = { isRejected: false }
        const visitInside = async (leaf: Leaf) => {
          visiting.isRejected = true
          await visit(leaf)
          visiting.isRejected = false
        }
        try {
          if (!(await isArchive(gathered))) return []
          const job = { where: container.where, fileName: container.fileName, content: gathered.content }
          return await runJob(pool, job, budget, visitInside, signal)
        } finally {
          // However the reading ended, the container itself is looked at.
          if (!visiting.isRejected && !signal.aborted) {
            await visitOnce(visit, container.where, gathered.sizeBytes, () => contentOf(gathered.content))
          }
          signal.throwIfAborted()
        }
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
