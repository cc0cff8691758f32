// A process of its own that unpacks one file: prints the findings, the time, the most memory it had, and the longest
// time its event loop stood still, as JSON.
import { createReadStream } from 'node:fs'
import { createUnpacker, newBudget } from '../../../filters/unpack/unpack.js'
import { testSettings } from './unpacking.js'

const settings = testSettings()
const unpacker = createUnpacker(settings)
let mostRssBytes = 0
let longestPauseMs = 0
let lastTick = performance.now()
const sampling = setInterval(() => {
  const now = performance.now()
  longestPauseMs = Math.max(longestPauseMs, now - lastTick)
  lastTick = now
  mostRssBytes = Math.max(mostRssBytes, process.memoryUsage.rss())
}, 5)

const startedAt = performance.now()
let leaves = 0
let readBytes = 0
const findings = await unpacker.unpack(
  { where: 'bomb', fileName: 'bomb', content: createReadStream(process.argv[2] ?? '') as AsyncIterable<Buffer> },
  newBudget(settings),
  async leaf => {
    leaves++
    for await (const chunk of leaf.content()) readBytes += chunk.length
  },
  new AbortController().signal,
)
const elapsedMs = performance.now() - startedAt
clearInterval(sampling)
await unpacker.close()
process.stdout.write(JSON.stringify({ findings, elapsedMs, mostRssBytes, longestPauseMs, leaves, readBytes }))
