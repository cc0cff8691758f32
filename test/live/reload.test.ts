// The service under load while its settings change and its workers die: no connection is refused or broken without a
// word, and every message is delivered once. Who is between two commands when a worker ends is told to come back.
import assert from 'node:assert/strict'
import { appendFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { publicFolder } from '../servers/installation.js'
import { sendByLmtp } from '../servers/lmtp-sender.js'
import { plainMail } from '../servers/mail.js'
import { startMailweir } from '../servers/mailweir.js'
import type { Mailweir } from '../servers/mailweir.js'
import { isAlive } from '../servers/process-tree.js'
import { until } from '../servers/until.js'

const RECIPIENT = 'joe@example.org'
const CLIENTS = 4
const WORKERS = 2
const SETTLED_WITHIN_MS = 30_000

let mailweir: Mailweir

before(async () => {
  mailweir = await startMailweir({ directory: publicFolder('reload'), service: `workers = ${WORKERS}` })
  mailweir.addUser(RECIPIENT)
  await allReady(WORKERS)
})

after(() => mailweir.stop())

/** So many have said that they are ready since the service started. */
async function allReady(count: number): Promise<void> {
  await until(`${count} workers are ready`, () => said('worker ready') >= count, SETTLED_WITHIN_MS)
}

function said(words: string): number {
  return mailweir.log().split(`"${words}"`).length - 1
}

function send(): Promise<string> {
  return sendByLmtp(mailweir.socketPath, { sender: '', recipient: RECIPIENT, message: plainMail('load') })
}

const COME_BACK = '421 4.3.2 shutting down, come back soon'

/** A client meets an ending worker a few times in a reload at most. */
function assertTaken(replies: readonly string[], reloads: number): void {
  const others = replies.filter(reply => !reply.startsWith('250'))
  assert.deepEqual(
    [...new Set(others)].filter(reply => reply !== COME_BACK),
    [],
  )
  assert.ok(others.length <= CLIENTS * WORKERS * reloads, `${others.length} were told to come back`)
}

/** Clients that send without a pause; resolves with all replies when told to stop. */
function load(): () => Promise<string[]> {
  let stopped = false
  const replies: string[] = []
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (!stopped) replies.push(await send())
  })
  return async () => {
    stopped = true
    await Promise.all(clients)
    return replies
  }
}

/** What LHLO announces: one of the settings that can be seen from outside. */
function announced(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(mailweir.socketPath)
    let received = ''
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')))
    socket.once('error', reject)
    socket.on('data', data => {
      received += data.toString('latin1')
      if (/^220 .*\r\n$/.test(received)) socket.write('LHLO test.example\r\n')
      if (!/^250 .*\r\n$/m.test(received)) return
      socket.destroy()
      resolve(received)
    })
  })
}

test('new settings take effect under load, and every message is taken', async () => {
  const old = mailweir.workerPids()
  assert.match(await announced(), /SIZE 52428800/)
  const stop = load()
  await sleep(500)
  mailweir.changeSettings({ spool: 'maxMessageBytes = 1000000' })
  mailweir.reload()
  await until('it is reloaded', () => said('reloaded') === 1, SETTLED_WITHIN_MS)
  await until('the old workers are gone', () => !old.some(isAlive), SETTLED_WITHIN_MS)
  await sleep(500)
  const replies = await stop()
  assert.match(await announced(), /SIZE 1000000/)
  assertTaken(replies, 1)
  const taken = replies.filter(reply => reply.startsWith('250')).length
  assert.ok(taken > 20, `only ${taken} messages were taken`)
  assert.equal(mailweir.messagesIn(RECIPIENT).length, taken)
  assert.equal(mailweir.workerPids().length, WORKERS)
})

test('reloading five times in a row ends with the last settings and as many workers as before', async () => {
  const stop = load()
  for (let round = 1; round <= 5; round++) {
    mailweir.changeSettings({ spool: `maxMessageBytes = ${1_000_000 + round}` })
    mailweir.reload()
    await sleep(300)
  }
  const settled = async () => mailweir.workerPids().length === WORKERS && /SIZE 1000005/.test(await announced())
  await until('only workers with the last settings are left', settled, SETTLED_WITHIN_MS)
  const replies = await stop()
  assert.match(await announced(), /SIZE 1000005/)
  assertTaken(replies, 5)
})

test('faulty settings change nothing, and the log says where the fault is', async () => {
  const workers = mailweir.workerPids()
  const stop = load()
  mailweir.changeSettings({ spool: 'maxMessageBytes = 2000000\nmemoryBytes = "much"' })
  mailweir.reload()
  await until('it says so', () => mailweir.log().includes('not reloaded'))
  assert.match(mailweir.log(), /mailweir\.toml:\d+: spool\.memoryBytes: expected a whole number/)
  mailweir.changeSettings({})
  appendFileSync(mailweir.configPath, '[not toml\n')
  const faults = mailweir.log().split('not reloaded').length
  mailweir.reload()
  await until('it says so again', () => mailweir.log().split('not reloaded').length > faults)
  const replies = await stop()
  assert.deepEqual(
    replies.filter(reply => !reply.startsWith('250')),
    [],
  )
  assert.deepEqual(mailweir.workerPids(), workers)
  assert.match(await announced(), /SIZE 1000005/)
})

test('a worker that is killed is replaced, and only what it had in hand is tried again', async () => {
  mailweir.changeSettings({})
  const [victim = 0, ...others] = mailweir.workerPids()
  const ready = said('worker ready')
  const before = mailweir.messagesIn(RECIPIENT).length
  const stop = load()
  await sleep(300)
  process.kill(victim, 'SIGKILL')
  await allReady(ready + 1)
  await sleep(300)
  const replies = await stop()
  const broken = replies.filter(reply => !reply.startsWith('250'))
  assert.ok(broken.length <= CLIENTS, `${broken.length} messages were turned away: ${broken.join(', ')}`)
  assert.ok(broken.every(reply => reply === 'no reply'))
  assert.ok(mailweir.messagesIn(RECIPIENT).length - before >= replies.length - broken.length)
  const workers = mailweir.workerPids()
  assert.equal(workers.length, WORKERS)
  assert.ok(!workers.includes(victim) && others.every(pid => workers.includes(pid)))
  assert.match(mailweir.log(), /worker died/)
})

test('SIGTERM right after the start ends the service at once, though its workers are still starting', async () => {
  for (const afterMs of [0, 50, 100, 200]) {
    await mailweir.stop()
    await mailweir.start()
    await sleep(afterMs)
    const startedAt = Date.now()
    assert.equal(await mailweir.stop(), 0)
    assert.ok(Date.now() - startedAt < 10_000, `ending took ${Date.now() - startedAt} ms`)
    await mailweir.start()
  }
})
