// The service is ended under load, gently and by force, with a client that tries again as an MTA does: every message
// is in the mailbox at least once, none is torn, and what was answered with success is there.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { publicFolder } from '../servers/installation.js'
import { sendByLmtp } from '../servers/lmtp-sender.js'
import { startMailweir } from '../servers/mailweir.js'
import type { Mailweir } from '../servers/mailweir.js'

const KILLS = 200
const CLIENTS = 6
const RECIPIENT = 'joe@lmtp.example'

let mailweir: Mailweir

before(async () => {
  mailweir = await startMailweir({ directory: publicFolder('kill') })
  mailweir.addUser(RECIPIENT)
})

after(() => mailweir.stop())

/** The checksum says whether a message is whole; sizes go beyond what is spooled in memory. */
function message(name: string, n: number): string {
  const body = `${name} ${n} `.repeat(n % 10 === 0 ? 20_000 : 50 + (n % 7) * 100)
  const checksum = createHash('sha256').update(body).digest('hex')
  return `Subject: ${name} ${n}\nX-Checksum: ${checksum}\n\n${body}\n`
}

function isWhole(delivered: string): boolean {
  const checksum = /^X-Checksum: (\w+)$/m.exec(delivered)?.[1]
  const body = delivered.slice(delivered.indexOf('\n\n') + 2, -1)
  return createHash('sha256').update(body).digest('hex') === checksum
}

function deliveredNumbers(name: string): Set<number> {
  const numbers = new Set<number>()
  for (const delivered of mailweir.messagesIn(RECIPIENT)) {
    const n = new RegExp(`^Subject: ${name} (\\d+)$`, 'm').exec(delivered)?.[1]
    if (n === undefined) continue
    assert.ok(isWhole(delivered), `message ${n} is torn`)
    numbers.add(Number(n))
  }
  return numbers
}

class Load {
  private stopped = false
  private next = 0
  readonly acknowledged = new Set<number>()
  private readonly clients: Promise<void>[]

  constructor(private readonly name: string) {
    this.clients = Array.from({ length: CLIENTS }, () => this.client())
  }

  /** Every client finishes its message first, however often it has to try. */
  async stop(): Promise<number> {
    this.stopped = true
    await Promise.all(this.clients)
    return this.next
  }

  private async client(): Promise<void> {
    while (!this.stopped) {
      const n = this.next++
      for (;;) {
        const reply = await sendByLmtp(mailweir.socketPath, {
          sender: '',
          recipient: RECIPIENT,
          message: message(this.name, n),
        })
        if (reply.startsWith('250')) break
        assert.doesNotMatch(reply, /^5/, `message ${n} was refused for good: ${reply}`)
        await sleep(20)
      }
      this.acknowledged.add(n)
    }
  }
}

test('SIGTERM under load: what was acknowledged is there, the rest is tried again, and the service ends with 0', async () => {
  const load = new Load('term')
  for (let round = 0; round < 5; round++) {
    await sleep(300)
    assert.equal(await mailweir.stop(), 0)
    const atThatMoment = new Set(load.acknowledged)
    const delivered = deliveredNumbers('term')
    for (const n of atThatMoment) assert.ok(delivered.has(n), `message ${n} was acknowledged and is not there`)
    await mailweir.start()
  }
  const sent = await load.stop()
  const delivered = deliveredNumbers('term')
  assert.ok(sent > 50, `only ${sent} messages were sent`)
  for (let n = 0; n < sent; n++) assert.ok(delivered.has(n), `message ${n} is lost`)
})

test(`kill -9 at ${KILLS} random moments under load: every message is there, none is torn`, async () => {
  const load = new Load('kill')
  for (let round = 0; round < KILLS; round++) {
    await sleep(Math.random() * 250)
    await mailweir.kill()
    await mailweir.start()
  }
  const sent = await load.stop()
  const delivered = deliveredNumbers('kill')
  assert.ok(sent > KILLS, `only ${sent} messages were sent`)
  for (let n = 0; n < sent; n++) assert.ok(delivered.has(n), `message ${n} is lost`)
})
