// A reading thread: one container at a time is walked through, its leaves and findings go to the main thread.
// It reads ahead of the visits only as far as its leaves fit in memory; a leaf in the scratch file is waited for.
import { ftruncateSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { Budget, Stopwatch } from './budget.js'
import { Meter, type MemberBytes, type ScratchStack } from './member-bytes.js'
import { sourceOfBuffer, sourceOfFile } from './source.js'
import type { FromThread, Job, ThreadData, ToThread } from './thread-protocol.js'
import { walk, type Walk } from './walk.js'

/** What an empty leaf costs until it was visited. */
const LEAF_OVERHEAD_BYTES = 1024

const port = parentPort
if (!port) throw new Error('thread.ts runs as a worker thread')

const scratch: ScratchStack = { fd: (workerData as ThreadData).scratchFd, topByte: 0 }
const unvisited: number[] = []
let unvisitedBytes = 0
let isRetired = false
let visited: () => void = () => undefined

port.on('message', (message: ToThread) => {
  if (message.kind === 'read') {
    void read(message.job)
    return
  }
  for (const bytes of unvisited.splice(0, message.leaves)) unvisitedBytes -= bytes
  visited()
})

async function read(job: Job): Promise<void> {
  const budget = new Budget(job.limits, job.budget)
  const stopwatch = new Stopwatch(budget)
  stopwatch.start()
  const { content } = job
  const source =
    content.kind === 'file'
      ? sourceOfFile(content.fd, 0, content.sizeBytes)
      : sourceOfBuffer(Buffer.from(content.bytes))
  const into: Walk = {
    budget,
    stopwatch,
    meter: new Meter(budget, stopwatch, source.sizeBytes),
    scratch,
    finding: finding => say({ kind: 'finding', finding }),
    reading: announcer(),
    retireThread: () => (isRetired = true),
    leaf: (where, bytes) => giveOut(where, bytes, { stopwatch, aheadBytes: job.limits.memoryBytes }),
  }
  await walk(into, source, job.where, job.fileName)
  stopwatch.stop()
  scratch.topByte = 0
  ftruncateSync(scratch.fd, 0)
  unvisited.length = 0
  unvisitedBytes = 0
  say({ kind: 'done', isRetired })
}

/** The main thread needs to know where we are only if we stay there: at most one word in 50 ms. */
function announcer(): (where: string) => void {
  let spokenAt = 0
  return where => {
    const now = performance.now()
    if (now - spokenAt < 50) return
    spokenAt = now
    say({ kind: 'reading', where })
  }
}

type GivingOut = { readonly stopwatch: Stopwatch; readonly aheadBytes: number }

async function giveOut(where: string, bytes: MemberBytes, how: GivingOut): Promise<void> {
  const cost = bytes.sizeBytes + LEAF_OVERHEAD_BYTES
  unvisited.push(cost)
  unvisitedBytes += cost
  const { memory, sizeBytes, startByte } = bytes
  say({ kind: 'leaf', where, sizeBytes, bytes: memory, startByte }, memory === null ? [] : [memory.buffer])
  const most = memory === null ? 0 : how.aheadBytes
  if (unvisitedBytes <= most) return
  how.stopwatch.stop()
  say({ kind: 'waiting' })
  while (unvisitedBytes > most) {
    await new Promise<void>(resolve => {
      visited = resolve
    })
  }
  how.stopwatch.start()
  say({ kind: 'reading', where })
}

function say(message: FromThread, moved: ArrayBuffer[] = []): void {
  port?.postMessage(message, moved)
}
