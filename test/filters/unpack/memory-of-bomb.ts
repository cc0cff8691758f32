// A process of its own that unpacks one file, several times over: prints the last findings, the longest time, the most
// memory it had, and the longest time its event loop stood still, as JSON.
import { createReadStream } from 'node:fs'
import type { Finding } from '../../../mail/finding.js'
import { createUnpacker, newBudget } from '../../../filters/unpack/unpack.js'
import { testSettings } from './unpacking.js'

const [path = '', times = '1'] = process.argv.slice(2)
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

let elapsedMs = 0
let leaves = 0
let readBytes = 0
let findings: Finding[] = []
for (let time = 0; time < Number(times); time++) {
  const startedAt = performance.now()
  leaves = 0
  findings = await unpacker.unpack(
    { where: 'bomb', fileName: 'bomb', content: createReadStream(path) as AsyncIterable<Buffer> },
    newBudget(settings),
    async leaf => {
      leaves++
      for await (const chunk of leaf.content()) readBytes += chunk.length
    },
    new AbortController().signal,
  )
  elapsedMs = Math.max(elapsedMs, performance.now() - startedAt)
}
clearInterval(sampling)
await unpacker.close()
process.stdout.write(JSON.stringify({ findings, elapsedMs, mostRssBytes, longestPauseMs, leaves, readBytes }))
