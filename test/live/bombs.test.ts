// Archives made to exhaust whoever opens them, sent to the service: each ends in a finding, in time and in little
// memory, other mail is answered meanwhile, and no worker dies of it.
import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { nestedZip, zipBomb } from '../filters/unpack/bombs.js'
import { rar5WithEncryptedNames, storedRar5 } from '../filters/unpack/write-rar.js'
import { startClamd } from '../servers/clamd.js'
import type { ClamdServer } from '../servers/clamd.js'
import { publicFolder } from '../servers/installation.js'
import { sendByLmtp } from '../servers/lmtp-sender.js'
import { mailWith, newMessageId, plainMail } from '../servers/mail.js'
import { startMailweir } from '../servers/mailweir.js'
import type { LoggedDelivery, Mailweir } from '../servers/mailweir.js'
import { residentBytes, treeOf } from '../servers/process-tree.js'
import { until } from '../servers/until.js'

const BOMB_RECIPIENT = 'joe@example.org'
const OTHER_RECIPIENT = 'ann@example.org'
const MAX_INSPECTION_MS = 2_000
const MAX_MORE_BYTES = 200_000_000
const MAX_ANSWER_MS = 2_000
const SAMPLE_EVERY_MS = 50

const bombs: { title: string; name: string; content: () => Promise<Buffer> | Buffer; finding: RegExp }[] = [
  {
    title: 'a 10 GB zip bomb of 10 MB',
    name: 'bomb.zip',
    content: () => zipBomb(10_240),
    finding: /^over max(?:UnpackedBytes|TimeMs): 2 bomb\.zip > zeros$/,
  },
  {
    title: 'a zip that nests 100 deep',
    name: 'nested.zip',
    content: () => nestedZip(100),
    finding: /^over maxDepth: 2 nested\.zip > level99\.zip > .*level90\.zip$/,
  },
  {
    title: 'a truncated RAR',
    name: 'truncated.rar',
    content: () => storedRar5([{ name: 'letter.txt', content: Buffer.alloc(200_000, 'x') }]).subarray(0, 100_000),
    finding: /^unscanned by unpack, .*: 2 truncated\.rar/,
  },
  {
    title: 'a RAR5 with encrypted names',
    name: 'secret.rar',
    content: rar5WithEncryptedNames,
    finding: /^encrypted: 2 secret\.rar$/,
  },
]

/** The most memory that the service has, above what it has now. */
class MemoryWatch {
  private readonly pids: number[]
  private readonly idleBytes: number
  private mostBytes = 0
  private readonly timer: NodeJS.Timeout

  constructor(pid: number) {
    this.pids = treeOf(pid)
    this.idleBytes = residentBytes(this.pids)
    this.timer = setInterval(() => this.sample(), SAMPLE_EVERY_MS)
  }

  stop(): number {
    clearInterval(this.timer)
    this.sample()
    return this.mostBytes - this.idleBytes
  }

  private sample(): void {
    this.mostBytes = Math.max(this.mostBytes, residentBytes(this.pids))
  }
}

/** Small mail, one after the other, until told to stop; resolves with the longest time that one took. */
function otherMail(mailweir: Mailweir): () => Promise<{ slowestMs: number; count: number }> {
  let stopped = false
  const sending = (async () => {
    const result = { slowestMs: 0, count: 0 }
    while (!stopped) {
      const startedAt = performance.now()
      const message = plainMail('meanwhile')
      assert.match(await sendByLmtp(mailweir.socketPath, { sender: '', recipient: OTHER_RECIPIENT, message }), /^250 /)
      result.slowestMs = Math.max(result.slowestMs, performance.now() - startedAt)
      result.count++
      await sleep(20)
    }
    return result
  })()
  return () => {
    stopped = true
    return sending
  }
}

type Seen = {
  readonly line: LoggedDelivery
  readonly reply: string
  /** From the end of DATA to the reply. */
  readonly waitedMs: number
  readonly moreBytes: number
  readonly other: { slowestMs: number; count: number }
}

async function sendBomb(mailweir: Mailweir, name: string, content: Buffer): Promise<Seen> {
  const messageId = newMessageId()
  const message = mailWith({ name, content }, messageId)
  const memory = new MemoryWatch(mailweir.pid)
  const stopOtherMail = otherMail(mailweir)
  let sentAt = 0
  const handover = { sender: '', recipient: BOMB_RECIPIENT, message, onSent: () => (sentAt = performance.now()) }
  const reply = await sendByLmtp(mailweir.socketPath, handover)
  const waitedMs = performance.now() - sentAt
  const other = await stopOtherMail()
  const moreBytes = memory.stop()
  const line = () => mailweir.deliveries().find(delivery => delivery.messageId === messageId)
  await until('the message is in the log', () => line() !== undefined)
  return { line: line()!, reply, waitedMs, moreBytes, other }
}

/** What a process needs once is not the bomb's. */
async function allWorkersAreWarm(mailweir: Mailweir): Promise<void> {
  const ready = () => mailweir.log().match(/"worker ready"/g)?.length ?? 0
  await until('all workers are ready', () => ready() === availableParallelism())
  const handover = { sender: '', recipient: OTHER_RECIPIENT, message: plainMail('first') }
  await Promise.all(Array.from({ length: 20 }, () => sendByLmtp(mailweir.socketPath, handover)))
}

let clamd: ClamdServer

before(async () => {
  clamd = await startClamd({ directory: publicFolder('bombs-clamd') })
})

after(() => clamd.stop())

// clamd opens the archives on its own as well, by its own limits, which takes it longer than us.
for (const { scanning, clamdSettings, replyWithinMs, inspectedWithinMs } of [
  {
    scanning: 'without clamd',
    clamdSettings: () => 'enabled = false',
    replyWithinMs: 5_000,
    inspectedWithinMs: MAX_INSPECTION_MS,
  },
  {
    scanning: 'with clamd',
    clamdSettings: () => `socket = "${clamd.tcpSocket}"`,
    replyWithinMs: 30_000,
    inspectedWithinMs: 30_000,
  },
]) {
  describe(scanning, () => {
    let mailweir: Mailweir

    before(async () => {
      mailweir = await startMailweir({
        directory: publicFolder('bombs'),
        settings: `[clamd]\n${clamdSettings()}\n[spamd]\nenabled = false\n`,
      })
      for (const recipient of [BOMB_RECIPIENT, OTHER_RECIPIENT]) mailweir.addUser(recipient)
      await allWorkersAreWarm(mailweir)
    })

    after(() => mailweir.stop())

    for (const { title, name, content, finding } of bombs) {
      test(`${title} ends in a finding in time and in little memory, and other mail is answered`, async t => {
        const workers = mailweir.workerPids()
        const { line, reply, waitedMs, moreBytes, other } = await sendBomb(mailweir, name, await content())
        t.diagnostic(
          `inspected in ${line.durationMs} ms, answered in ${Math.round(waitedMs)} ms, ` +
            `${Math.round(moreBytes / 1e6)} MB more, ${other.count} others in at most ${Math.round(other.slowestMs)} ms`,
        )
        assert.match(reply, /^250 /)
        assert.ok(
          line.findings.some(text => finding.test(text)),
          line.findings.join('\n'),
        )
        assert.ok(line.durationMs < inspectedWithinMs, `inspected in ${line.durationMs} ms`)
        assert.ok(waitedMs < replyWithinMs, `answered after ${waitedMs} ms`)
        assert.ok(moreBytes < MAX_MORE_BYTES, `took ${moreBytes} bytes more`)
        assert.ok(other.count > 0 && other.slowestMs < MAX_ANSWER_MS, `another mail took ${other.slowestMs} ms`)
        assert.deepEqual(mailweir.workerPids(), workers)
      })
    }

    test('four zip bombs at once leave the service alive and other mail unhindered', async t => {
      const workers = mailweir.workerPids()
      const content = await zipBomb(10_240)
      const message = mailWith({ name: 'bomb.zip', content })
      const stopOtherMail = otherMail(mailweir)
      const handover = { sender: '', recipient: BOMB_RECIPIENT, message }
      const replies = await Promise.all([1, 2, 3, 4].map(() => sendByLmtp(mailweir.socketPath, handover)))
      const other = await stopOtherMail()
      t.diagnostic(`${other.count} others in at most ${Math.round(other.slowestMs)} ms`)
      for (const reply of replies) assert.match(reply, /^250 /)
      assert.ok(other.slowestMs < 2 * MAX_ANSWER_MS, `another mail took ${other.slowestMs} ms`)
      assert.deepEqual(mailweir.workerPids(), workers)
    })
  })
}
