// Days on which something else is broken: a scanner is down, hangs or dies in the middle; a client sends too much, to
// nobody, or never ends. The sender is told to try again in good time, nothing is half delivered, and the same message
// arrives when the scanner is back.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import type { Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startClamd } from '../servers/clamd.js'
import type { ClamdServer } from '../servers/clamd.js'
import { freePort } from '../servers/free-port.js'
import { publicFolder } from '../servers/installation.js'
import { sendByLmtp } from '../servers/lmtp-sender.js'
import { plainMail } from '../servers/mail.js'
import { startMailweir } from '../servers/mailweir.js'
import type { Mailweir } from '../servers/mailweir.js'
import { startSpamd } from '../servers/spamd.js'
import type { SpamdServer } from '../servers/spamd.js'
import { until } from '../servers/until.js'

const RECIPIENT = 'joe@example.org'
const MAX_MESSAGE_BYTES = 24 * 1024 * 1024
const DATA_TIMEOUT_MS = 2_000
const SCANNER_TIMEOUT_MS = 5_000
/** Both scanners' deadlines, and what a slow machine adds. */
const REPLY_WITHIN_MS = 2 * SCANNER_TIMEOUT_MS + 5_000

const directory = publicFolder('bad-days')
const spamdDirectory = publicFolder('bad-days-spamd')
const ports = { clamd: 0, spamd: 0 }
let clamd: ClamdServer
let spamd: SpamdServer
let mailweir: Mailweir

before(async () => {
  ports.clamd = await freePort()
  ports.spamd = await freePort()
  clamd = await startClamd({ directory, port: ports.clamd })
  spamd = await startSpamd({ directory: spamdDirectory, port: ports.spamd })
  mailweir = await startMailweir({
    directory,
    lmtp: `dataTimeoutMs = ${DATA_TIMEOUT_MS}`,
    spool: `maxMessageBytes = ${MAX_MESSAGE_BYTES}`,
    settings: `[clamd]
socket = "127.0.0.1:${ports.clamd}"
totalTimeoutMs = ${SCANNER_TIMEOUT_MS}
[spamd]
socket = "127.0.0.1:${ports.spamd}"
totalTimeoutMs = ${SCANNER_TIMEOUT_MS}
`,
  })
  mailweir.addUser(RECIPIENT)
})

after(async () => {
  await Promise.all([mailweir.stop(), clamd.stop(), spamd.stop()])
})

function send(message: string, recipient = RECIPIENT): Promise<string> {
  return sendByLmtp(mailweir.socketPath, { sender: 'ann@example.com', recipient, message })
}

function large(subject: string, bytes: number): string {
  return plainMail(
    subject,
    `${'All work and no play makes Jack a dull boy. '.repeat(2).slice(0, 75)}\n`.repeat(bytes / 76),
  )
}

function delivered(subject: string): number {
  return mailweir.messagesIn(RECIPIENT).filter(text => text.includes(`\nSubject: ${subject}\n`)).length
}

/** As an MTA does, which a busy scanner keeps waiting like everybody else. */
async function sendUntilTaken(message: string): Promise<void> {
  await until('the message is taken', async () => (await send(message)).startsWith('250'), 40_000)
}

async function assertDeferred(reply: Promise<string>, scanner: string, subject: string): Promise<void> {
  const startedAt = Date.now()
  assert.match(await reply, new RegExp(`^451 4\\.3\\.\\d .*${scanner}`))
  assert.ok(Date.now() - startedAt < REPLY_WITHIN_MS, `the reply took ${Date.now() - startedAt} ms`)
  assert.equal(delivered(subject), 0)
}

/** Somebody has sent something to that port of 127.0.0.1 that nobody has read. */
function hasUnreadBytes(port: number): boolean {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const connections = readFileSync('/proc/net/tcp', 'latin1').split('\n').slice(1)
  return connections.some(line => {
    const [, address, , , queues = ''] = line.trim().split(/\s+/)
    return address === local && parseInt(queues.split(':')[1] ?? '0', 16) > 1
  })
}

const scanners = [
  {
    name: 'clamd',
    server: () => clamd,
    start: async () => void (clamd = await startClamd({ directory, port: ports.clamd })),
    largeBytes: 20 * 1024 * 1024,
  },
  {
    name: 'spamd',
    server: () => spamd,
    start: async () => void (spamd = await startSpamd({ directory: spamdDirectory, port: ports.spamd })),
    // Larger mail is not sent to spamd.
    largeBytes: 400 * 1024,
  },
]

for (const { name, server, start, largeBytes } of scanners) {
  const port = () => ports[name as keyof typeof ports]

  describe(`when ${name}`, () => {
    test('is stopped, mail is deferred, and arrives when it is back', async () => {
      const message = plainMail(`${name} stopped`)
      await server().stop()
      await assertDeferred(send(message), name, `${name} stopped`)
      await start()
      await sendUntilTaken(message)
      assert.equal(delivered(`${name} stopped`), 1)
    })

    test('hangs, mail is deferred within the deadline, and arrives when it goes on', async () => {
      const message = plainMail(`${name} hung`)
      server().freeze()
      await assertDeferred(send(message), name, `${name} hung`)
      server().thaw()
      await sendUntilTaken(message)
      assert.equal(delivered(`${name} hung`), 1)
    })

    test('is killed in the middle of a message, the mail is deferred at once, and arrives when it is back', async () => {
      const subject = `${name} killed`
      const message = large(subject, largeBytes)
      server().freeze()
      const reply = send(message)
      await until('the message is on its way', () => hasUnreadBytes(port()), SCANNER_TIMEOUT_MS)
      await server().kill()
      await assertDeferred(reply, name, subject)
      await start()
      await sendUntilTaken(message)
      assert.equal(delivered(subject), 1)
    })
  })
}

test('a message over the limit is refused for good, and one just below it is taken', async () => {
  assert.match(await send(large('too large', MAX_MESSAGE_BYTES + 100_000)), /^552 5\.3\.4 /)
  assert.equal(delivered('too large'), 0)
  // The limit counts CR LF.
  await sendUntilTaken(large('large', MAX_MESSAGE_BYTES * 0.95))
  assert.equal(delivered('large'), 1)
})

test('an unknown recipient is refused before the message is sent', async () => {
  let wasSent = false
  const handover = { sender: '', recipient: 'nobody-here@example.org', message: plainMail('hello') }
  const reply = await sendByLmtp(mailweir.socketPath, { ...handover, onSent: () => (wasSent = true) })
  assert.match(reply, /^550 5\.1\.1 .*nobody-here@example\.org/)
  assert.equal(wasSent, false)
})

/** A client in the middle of a message; `received` is what it was told since. */
async function inTheMiddleOfData(): Promise<{ socket: Socket; received: () => string }> {
  const socket = createConnection(mailweir.socketPath)
  let received = ''
  // Being hung up on is part of the test.
  socket.on('error', () => undefined)
  socket.on('data', data => (received += data.toString('latin1')))
  socket.write(`LHLO slow.example\r\nMAIL FROM:<>\r\nRCPT TO:<${RECIPIENT}>\r\nDATA\r\n`)
  await until('the message may be sent', () => /^354 /m.test(received))
  received = ''
  socket.write('Subject: never ending\r\n\r\n')
  return { socket, received: () => received }
}

test('clients that never end their message hinder nobody, and silent ones are told to go', async () => {
  const clients = await Promise.all(Array.from({ length: 40 }, inTheMiddleOfData))
  const [dribbling, silent] = [clients.slice(0, 20), clients.slice(20)]
  const dribble = setInterval(() => dribbling.forEach(({ socket }) => socket.write('a line\r\n')), 100)
  try {
    for (let count = 0; count < 5; count++) {
      const startedAt = Date.now()
      assert.match(await send(plainMail('meanwhile')), /^250 /)
      assert.ok(Date.now() - startedAt < SCANNER_TIMEOUT_MS)
    }
    await until('the silent ones are gone', () => silent.every(({ socket }) => socket.destroyed), 10 * DATA_TIMEOUT_MS)
    for (const { received } of silent) assert.match(received(), /^4[25]1 4\.\d\.\d /)
    assert.ok(dribbling.every(({ socket, received }) => !socket.destroyed && received() === ''))
  } finally {
    clearInterval(dribble)
    for (const { socket } of clients) socket.destroy()
  }
  await sleep(100)
  assert.equal(delivered('never ending'), 0)
})
