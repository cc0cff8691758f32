// kill -9 while messages are being delivered: what was answered for is there, and nothing in new/ is torn.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { LINE, LINES } from './deliver-until-killed.js'
import { makeHomes, namesIn } from './mailboxes.js'

const KILLS = 12
const child = fileURLToPath(new URL('deliver-until-killed.js', import.meta.url))

test('killed at any moment, a delivery leaves a whole message in new/ or none', async () => {
  const homes = makeHomes()
  try {
    const answered = new Set<string>()
    for (let kill = 0; kill < KILLS; kill++) await deliverAndKill(homes.joe, kill * 7, answered)
    const whole = LINE.repeat(LINES)
    const names = namesIn(join(homes.joe, 'Maildir/new'))
    for (const name of names) {
      const text = readFileSync(join(homes.joe, 'Maildir/new', name), 'utf8')
      assert.ok(text === whole, `${name} is torn at ${text.length} of ${whole.length}`)
      assert.ok(name.endsWith(`,S=${whole.length}`))
    }
    const there = new Set(names.map(name => join(homes.joe, 'Maildir/new', name)))
    for (const file of answered) assert.ok(there.has(file), `${file} was answered for and is missing`)
    assert.ok(answered.size > KILLS, `${answered.size} answered`)
  } finally {
    homes.remove()
  }
})

async function deliverAndKill(home: string, afterMs: number, answered: Set<string>): Promise<void> {
  const delivering = spawn(process.execPath, [child, home], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  delivering.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  await once(delivering.stdout, 'data')
  await sleep(afterMs)
  delivering.kill('SIGKILL')
  await once(delivering, 'close')
  // The last line may have been cut by the kill.
  for (const line of output.split('\n').slice(0, -1)) {
    assert.doesNotMatch(line, /^FAULT/)
    answered.add(line)
  }
}
