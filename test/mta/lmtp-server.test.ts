import assert from 'node:assert/strict'
import { rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createLmtpServer } from '../../mta/lmtp/server.js'
import { lmtpSettings } from '../../mta/lmtp/settings.js'
import { createSpool } from '../../mta/spool.js'
import { spoolSettings } from '../../mta/spool-settings.js'
import { until } from '../servers/until.js'
import { openLmtpHouse } from './lmtp-house.js'
import type { LmtpHouse } from './lmtp-house.js'
import { Wire } from './wire.js'

const SHORT_MS = 150

async function withHouse(
  terms: Parameters<typeof openLmtpHouse>,
  body: (house: LmtpHouse) => Promise<void>,
): Promise<void> {
  const house = await openLmtpHouse(...terms)
  try {
    await body(house)
  } finally {
    await house.stop()
  }
}

async function untilData(wire: Wire, ...recipients: string[]): Promise<void> {
  await wire.ask('MAIL FROM:<joe@example.org>')
  for (const recipient of recipients) await wire.ask(`RCPT TO:<${recipient}@example.net>`)
  assert.match(await wire.ask('DATA'), /^354 /)
}

test('a message that grows too large is read to its end, refused for each recipient, and the session goes on', async () => {
  await withHouse([{}, { maxMessageBytes: 65_536, memoryBytes: 1000 }], async house => {
    const wire = await house.client()
    const line = `${'x'.repeat(62)}\r\n`
    await untilData(wire, 'anna', 'bert')
    wire.send(`${line.repeat(1025)}.\r\n`)
    assert.equal(await wire.reply(), '552 5.3.4 message too large')
    assert.equal(await wire.reply(), '552 5.3.4 message too large')
    await untilData(wire, 'anna')
    wire.send(`${line.repeat(1024)}.\r\n`)
    assert.equal(await wire.reply(), '250 2.0.0 delivered to anna')
    assert.deepEqual(
      house.table.handed.map(({ body }) => body.length),
      [1024 * 63],
    )
    wire.close()
  })
})

test('a message above the memory limit is the same through the file', async () => {
  await withHouse([{}, { memoryBytes: 0 }], async house => {
    const wire = await house.client()
    await untilData(wire, 'anna')
    const body = Array.from({ length: 50_000 }, (_, line) => `line ${line}\n`).join('')
    wire.send(`${body.replaceAll('\n', '\r\n')}.\r\n`)
    assert.equal(await wire.reply(), '250 2.0.0 delivered to anna')
    assert.equal(house.table.handed[0]?.body.toString(), body)
    wire.close()
  })
})

test('a spool directory that is gone defers the message, and the session goes on', async () => {
  await withHouse([{}, { memoryBytes: 10 }], async house => {
    await rm(join(house.directory, 'spool'), { recursive: true })
    const wire = await house.client()
    await untilData(wire, 'anna', 'bert')
    wire.send('longer than ten bytes\r\nand longer\r\n.\r\n')
    assert.equal(await wire.reply(), '451 4.3.1 the message cannot be stored now')
    assert.equal(await wire.reply(), '451 4.3.1 the message cannot be stored now')
    assert.deepEqual(house.logged, ['error: cannot spool a message'])
    await untilData(wire, 'anna')
    wire.send('short\r\n.\r\n')
    assert.equal(await wire.reply(), '250 2.0.0 delivered to anna')
    wire.close()
  })
})

test('a silent client is told 421 and closed, in a command as in a message, and its half message is no message', async () => {
  await withHouse([{ commandTimeoutMs: SHORT_MS, dataTimeoutMs: 2 * SHORT_MS }], async house => {
    const idle = await house.client()
    assert.equal(await idle.rest(), '421 4.4.2 timed out waiting for you\r\n')
    const halfCommand = await house.client()
    halfCommand.send('MAIL FR')
    assert.equal(await halfCommand.rest(), '421 4.4.2 timed out waiting for you\r\n')
    const halfMessage = await house.client()
    await untilData(halfMessage, 'anna')
    halfMessage.send('hello\r\n.\r')
    assert.equal(await halfMessage.rest(), '421 4.4.2 timed out waiting for you\r\n')
    assert.deepEqual(house.table.handed, [])
  })
})

test('the time a message takes to be handled does not count against its client', async () => {
  await withHouse([{ commandTimeoutMs: SHORT_MS, dataTimeoutMs: SHORT_MS }], async house => {
    const wire = await house.client()
    await untilData(wire, 'slow')
    wire.send('hello\r\n.\r\n')
    setTimeout(() => house.table.release(), 3 * SHORT_MS)
    assert.equal(await wire.reply(), '250 2.0.0 delivered to slow')
    wire.close()
  })
})

test('a client that does not read its replies is not read from, and closed in the end', async () => {
  await withHouse([{ commandTimeoutMs: 2 * SHORT_MS }], async house => {
    const wire = await house.client()
    wire.socket.pause()
    const written = new Promise<Error | null | undefined>(resolve =>
      wire.socket.write(Buffer.from('NOOP\r\n'.repeat(1_000_000)), resolve),
    )
    await until('no connection left', () => house.server.connectionCount() === 0)
    assert.ok(await written, 'the server took it all')
    wire.close()
  })
})

test('what a client sends while its message is being handled waits in its own socket, and is answered after', async () => {
  await withHouse([], async house => {
    const wire = await house.client()
    await untilData(wire, 'slow')
    wire.send('hello\r\n.\r\n')
    let isTaken = false
    wire.socket.write(`NOOP ${'x'.repeat(1993)}\r\n`.repeat(4000), () => (isTaken = true))
    await sleep(SHORT_MS)
    assert.equal(isTaken, false)
    house.table.release()
    assert.equal(await wire.reply(), '250 2.0.0 delivered to slow')
    for (let count = 0; count < 4000; count++) assert.equal(await wire.reply(), '250 2.0.0 ok')
    wire.close()
  })
})

test('one connection too many is told to come back, and there is room again when one has gone', async () => {
  await withHouse([{ maxConnections: 2 }], async house => {
    const first = await house.client()
    await house.client()
    const third = await Wire.open(house.address)
    assert.equal(await third.rest(), '421 4.3.2 too many connections, come back later\r\n')
    first.close()
    await until('one connection left', () => house.server.connectionCount() === 1)
    const again = await house.client()
    assert.equal(await again.ask('NOOP'), '250 2.0.0 ok')
  })
})

test('a client that leaves in the middle of a message leaves nothing behind', async () => {
  await withHouse([{}, { memoryBytes: 0 }], async house => {
    for (const leave of [(wire: Wire) => wire.socket.end(), (wire: Wire) => wire.socket.destroy()]) {
      const wire = await house.client()
      await untilData(wire, 'anna')
      wire.send('hello\r\n.')
      await until('all is sent', () => wire.socket.writableLength === 0)
      leave(wire)
      await until('no connection left', () => house.server.connectionCount() === 0)
    }
    assert.deepEqual(house.table.handed, [])
  })
})

test('a client that leaves before the reply does not stop its message', async () => {
  await withHouse([], async house => {
    const wire = await house.client()
    await untilData(wire, 'slow')
    wire.send('hello\r\n.\r\n')
    await until('all is sent', () => wire.socket.writableLength === 0)
    await sleep(50)
    wire.close()
    await sleep(50)
    house.table.release()
    await until('the message handed over', () => house.table.handed.length === 1)
    await until('no connection left', () => house.server.connectionCount() === 0)
  })
})

test('a client that sends everything and shuts its side gets every reply', async () => {
  await withHouse([], async house => {
    const wire = await Wire.open(house.address)
    const commands = [
      'LHLO client.test',
      'MAIL FROM:<a@b>',
      'RCPT TO:<slow@c>',
      'DATA',
      'hello',
      '.',
      'MAIL FROM:<c@d>',
    ]
    wire.socket.end(commands.map(line => `${line}\r\n`).join(''))
    setTimeout(() => house.table.release(), 50)
    const replies = (await wire.rest()).split('\r\n')
    assert.deepEqual(replies.slice(-3), ['250 2.0.0 delivered to slow', '250 2.1.0 sender ok', ''])
  })
})

test('the replies to commands sent in one piece come in one piece', async () => {
  await withHouse([], async house => {
    const wire = await house.client()
    const pieces: string[] = []
    wire.socket.on('data', (chunk: Buffer) => pieces.push(chunk.toString()))
    wire.send('MAIL FROM:<a@b>\r\nRCPT TO:<anna@c>\r\nRCPT TO:<bert@c>\r\nDATA\r\n')
    await until('the reply to DATA', () => pieces.join('').includes('354 '))
    wire.send('hello\r\n.\r\nQUIT\r\n')
    await wire.rest()
    assert.equal(pieces.length, 2, JSON.stringify(pieces))
  })
})

test('at shutdown idle clients are told, messages under way are answered, and only then the connection closes', async () => {
  const house = await openLmtpHouse()
  const idle = await house.client()
  const named = await house.client()
  await named.ask('MAIL FROM:<joe@example.org>')
  const sending = await house.client()
  await untilData(sending, 'anna')
  sending.send('first half\r\n')
  const waiting = await house.client()
  await untilData(waiting, 'slow')
  waiting.send('hello\r\n.\r\n')
  await until('all is sent', () => waiting.socket.writableLength === 0)
  await sleep(50)

  const closed = house.server.close({ graceMs: 5000 })
  const goodbye = '421 4.3.2 shutting down, come back soon\r\n'
  assert.equal(await idle.rest(), goodbye)
  assert.equal(await named.rest(), goodbye)
  await assert.rejects(Wire.open(house.address))
  sending.send('second half\r\n.\r\nMAIL FROM:<next@example.org>\r\n')
  assert.equal(await sending.rest(), `250 2.0.0 delivered to anna\r\n${goodbye}`)
  house.table.release()
  assert.equal(await waiting.rest(), `250 2.0.0 delivered to slow\r\n${goodbye}`)
  await closed
  assert.deepEqual(house.table.handed.map(({ body }) => body.toString()).sort(), [
    'first half\nsecond half\n',
    'hello\n',
  ])
  await house.stop()
})

test('what is not done after the grace is cut off without an answer and without being delivered', async () => {
  const house = await openLmtpHouse()
  const sending = await house.client()
  await untilData(sending, 'anna')
  sending.send('first half\r\n')
  const begunAt = Date.now()
  await house.server.close({ graceMs: SHORT_MS })
  assert.ok(Date.now() - begunAt >= SHORT_MS - 10)
  assert.equal(await sending.rest(), '')
  assert.deepEqual(house.table.handed, [])
  await house.stop()
})

test('a bare LF in a large message under way to the file closes the connection and nothing is delivered', async () => {
  await withHouse([{}, { memoryBytes: 1000 }], async house => {
    const wire = await house.client()
    await untilData(wire, 'anna')
    wire.send(`${'some line of text\r\n'.repeat(20_000)}bare\n.\r\n${'some line of text\r\n'.repeat(200_000)}`)
    assert.equal(await wire.rest(), '521 5.5.2 bare <LF> received\r\n')
    assert.deepEqual(house.table.handed, [])
    wire.close()
  })
})

test('fifty large messages at once lie on disk, not in memory', async () => {
  await withHouse([], async house => {
    const [connections, messageBytes] = [50, 4 * 1024 * 1024]
    const wires = await Promise.all(Array.from({ length: connections }, () => house.client()))
    await Promise.all(wires.map(wire => untilData(wire, 'discarded')))
    const piece = Buffer.from(`${'x'.repeat(1022)}\r\n`.repeat(64))
    const before = bytesHeld()
    let most = 0
    for (let sent = 0; sent < messageBytes; sent += piece.length) {
      await Promise.all(wires.map(wire => new Promise(resolve => wire.socket.write(piece, resolve))))
      most = Math.max(most, bytesHeld() - before)
    }
    const allowed = connections * 512 * 1024
    assert.ok(most < allowed, `${most} bytes for ${connections} messages of ${messageBytes}`)
    for (const wire of wires) wire.close()
  })
})

test('TCP clients are named by their address and are not offered the exit codes of the pipe', async () => {
  await withHouse([], async house => {
    const address = await house.server.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 })
    const wire = await Wire.open(address)
    await wire.reply()
    assert.doesNotMatch(await wire.ask('LHLO client.test'), /XEXITCODE/)
    assert.equal(await wire.ask('MAIL FROM:<a@b> XEXITCODE'), '555 5.5.4 parameter not known')
    await untilData(wire, 'anna')
    assert.equal(await wire.ask('hello\r\n.'), '250 2.0.0 delivered to anna')
    const { client, id } = house.table.handed[0]!.envelope
    assert.deepEqual(client, { arrival: 'lmtp', peer: '127.0.0.1', heloName: 'client.test' })
    assert.match(id, /^[0-9a-z]{19}$/)
    wire.close()
  })
})

test('a socket file that nobody answers on is replaced, one that somebody answers on and other files are not', async () => {
  await withHouse([{ socketMode: 0o640 }], async house => {
    const path = join(house.directory, 'other.sock')
    const address = { kind: 'unix', path } as const
    const settings = lmtpSettings.parse({ socketMode: 0o640 })
    const spool = createSpool(spoolSettings.parse({ directory: house.directory }))
    const another = () =>
      createLmtpServer({ arrival: house.table.arrival, spool, hostName: 'mx.test', settings, log: () => undefined })

    await writeFile(path, 'a file')
    await assert.rejects(another().listen(address), { code: 'EADDRINUSE' })
    await rm(path)
    await leaveStaleSocket(path)
    const server = another()
    await server.listen(address)
    assert.equal((await stat(path)).mode & 0o777, 0o640)
    await assert.rejects(another().listen(address), { code: 'EADDRINUSE' })
    const wire = await Wire.open(address)
    assert.match(await wire.reply(), /^220 /)
    await server.close({ graceMs: 0 })
  })
})

/** Buffers that something still refers to. */
function bytesHeld(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().arrayBuffers
}

/** As a killed process leaves it: bound under another name, so that closing does not remove it. */
async function leaveStaleSocket(path: string): Promise<void> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(`${path}.bound`, resolve))
  await rename(`${path}.bound`, path)
  await new Promise(resolve => server.close(resolve))
}
