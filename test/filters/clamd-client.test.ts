// The clamd client against servers that misbehave as a real clamd cannot be made to.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClamd, type Clamd } from '../../filters/clamd/client.js'
import { clamdSettings } from '../../filters/clamd/settings.js'
import type { ScanResult } from '../../filters/clamd/protocol.js'
import { onceReceived, startFaultyServer, type Script } from '../servers/faulty-server.js'

const never = new AbortController().signal
const cleanUp: (() => Promise<void>)[] = []
after(async () => {
  for (const stop of cleanUp) await stop()
})

async function clamdThat(script: Script, settings: object = {}, options = { reads: true }) {
  const server = await startFaultyServer(script, options)
  cleanUp.push(server.stop)
  return {
    server,
    clamd: createClamd(clamdSettings.parse({ socket: server.address, totalTimeoutMs: 5000, ...settings })),
  }
}

async function* chunks(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text)
}

async function* endless(chunkBytes = 65536): AsyncGenerator<Buffer> {
  for (;;) yield Buffer.alloc(chunkBytes)
}

async function scanned(clamd: Clamd, content: AsyncIterable<Buffer>, withinMs: number): Promise<ScanResult> {
  const startedAt = Date.now()
  const result = await clamd.scan(content, never)
  const tookMs = Date.now() - startedAt
  assert.ok(tookMs < withinMs, `took ${tookMs} ms`)
  return result
}

const isWhole = (received: Buffer) => received.subarray(-4).equals(Buffer.alloc(4))

test('content is sent as one stream of chunks, empty ones left out', async () => {
  const { clamd, server } = await clamdThat(onceReceived(isWhole, socket => socket.end('stream: OK\0')))
  assert.deepEqual(await clamd.scan(chunks('ab', '', 'cde'), never), { kind: 'clean' })
  assert.equal(server.received().toString('latin1'), 'zINSTREAM\0\0\0\0\x02ab\0\0\0\x03cde\0\0\0\0')
})

test('a clamd that accepts and never answers has failed when the time is over', async () => {
  const { clamd } = await clamdThat(() => undefined, { totalTimeoutMs: 200 })
  assert.deepEqual(await scanned(clamd, chunks('x'), 1500), { kind: 'failed', why: 'no reply within 200 ms' })
})

test('a clamd that stops reading has failed when it took nothing for too long', async () => {
  const { clamd } = await clamdThat(() => undefined, { sendTimeoutMs: 200, maxStreamBytes: 1e9 }, { reads: false })
  assert.deepEqual(await scanned(clamd, endless(), 2500), { kind: 'failed', why: 'took nothing more for 200 ms' })
})

test('a clamd that is not there has failed at once', async () => {
  const { clamd, server } = await clamdThat(() => undefined)
  await server.stop()
  assert.deepEqual(await scanned(clamd, chunks('x'), 1500), { kind: 'failed', why: 'connection failed, ECONNREFUSED' })
  const absent = createClamd(clamdSettings.parse({ socket: 'unix:/nonexistent/clamd.ctl' }))
  assert.deepEqual(await scanned(absent, chunks('x'), 1500), { kind: 'failed', why: 'connection failed, ENOENT' })
})

test('OK in the middle of the stream is no verdict', async () => {
  const { clamd } = await clamdThat(
    onceReceived(
      bytes => bytes.length > 100,
      socket => socket.end('stream: OK\0'),
    ),
  )
  const result = await scanned(clamd, endless(), 2500)
  assert.equal(result.kind, 'failed')
})

test('the size limit in the middle of the stream is heard, and sending stops', async () => {
  const { clamd } = await clamdThat(
    onceReceived(
      bytes => bytes.length > 100,
      socket => socket.end('INSTREAM size limit exceeded. ERROR\0'),
    ),
  )
  assert.deepEqual(await scanned(clamd, endless(), 2500), { kind: 'tooLarge' })
})

test('a virus in the middle of the stream is a virus, and the rest is not read', async () => {
  const { clamd } = await clamdThat(
    onceReceived(
      bytes => bytes.length > 100,
      socket => socket.end('stream: X FOUND\0'),
    ),
  )
  let closed = false
  async function* content() {
    try {
      yield* endless()
    } finally {
      closed = true
    }
  }
  assert.deepEqual(await scanned(clamd, content(), 2500), { kind: 'infected', name: 'X' })
  assert.ok(closed)
})

test('a connection dropped in the middle of the stream has failed', async () => {
  const { clamd } = await clamdThat(
    onceReceived(
      bytes => bytes.length > 100_000,
      socket => socket.resetAndDestroy(),
    ),
  )
  const result = await scanned(clamd, endless(), 2500)
  assert.equal(result.kind, 'failed')
})

test('a connection closed without a word has failed', async () => {
  const { clamd } = await clamdThat(onceReceived(isWhole, socket => socket.end()))
  assert.deepEqual(await scanned(clamd, chunks('x'), 1500), {
    kind: 'failed',
    why: 'clamd closed the connection without a reply',
  })
})

test('half a reply has failed', async () => {
  const { clamd } = await clamdThat(onceReceived(isWhole, socket => socket.end('stream: OK')))
  assert.deepEqual(await scanned(clamd, chunks('x'), 1500), { kind: 'failed', why: 'not a reply of clamd: stream: OK' })
})

test('what comes after the reply makes it useless, even when it comes late', async () => {
  const late: Script = onceReceived(isWhole, socket => {
    socket.write('stream: OK\0')
    setTimeout(() => socket.end('stream: X FOUND\0'), 100)
  })
  const { clamd } = await clamdThat(late)
  assert.equal((await scanned(clamd, chunks('x'), 1500)).kind, 'failed')
})

test('a reply without end is cut short', async () => {
  const { clamd } = await clamdThat(onceReceived(isWhole, socket => socket.write('x'.repeat(100_000))))
  assert.deepEqual(await scanned(clamd, chunks('x'), 1500), {
    kind: 'failed',
    why: 'an answer of more than 4096 bytes',
  })
})

test('a reply in single bytes is put together', async () => {
  const { clamd } = await clamdThat(
    onceReceived(isWhole, socket => {
      void (async () => {
        for (const byte of Buffer.from('stream: OK\0')) {
          socket.write(Buffer.from([byte]))
          await sleep(2)
        }
        socket.end()
      })()
    }),
  )
  assert.deepEqual(await scanned(clamd, chunks('x'), 2500), { kind: 'clean' })
})

test('content that goes silent does not outlast the time for the scan', async () => {
  const { clamd } = await clamdThat(() => undefined, { totalTimeoutMs: 200 })
  async function* silent() {
    yield Buffer.from('x')
    await sleep(60_000, undefined, { ref: false })
  }
  assert.deepEqual(await scanned(clamd, silent(), 1500), { kind: 'failed', why: 'no reply within 200 ms' })
})

test('content that cannot be read is its own error, not a failure of clamd', async () => {
  const { clamd } = await clamdThat(() => undefined)
  async function* broken() {
    yield Buffer.from('x')
    throw new Error('the disk says no')
  }
  await assert.rejects(clamd.scan(broken(), never), /the disk says no/)
})

test('a scan that is called off ends at once and says why', async () => {
  const { clamd } = await clamdThat(() => undefined)
  const controller = new AbortController()
  setTimeout(() => controller.abort('the service stops'), 50)
  assert.deepEqual(await clamd.scan(chunks('x'), controller.signal), { kind: 'failed', why: 'the service stops' })
  assert.equal((await clamd.scan(chunks('x'), AbortSignal.abort())).kind, 'failed')
})

test('content known to be over the limit is not sent at all, other content only up to it', async () => {
  const { clamd, server } = await clamdThat(() => undefined, { maxStreamBytes: 1000 })
  assert.deepEqual(await clamd.scan(endless(), never, 1001), { kind: 'tooLarge' })
  assert.equal(server.connections(), 0)
  assert.deepEqual(await clamd.scan(endless(400), never), { kind: 'tooLarge' })
  await sleep(50)
  assert.ok(server.received().length <= 1000 + 2 * 4 + 'zINSTREAM\0'.length)
})

test('only so many scans run at once, and the next begins when one has ended', async () => {
  let open = 0
  let mostOpen = 0
  const { clamd } = await clamdThat(
    onceReceived(isWhole, socket => {
      mostOpen = Math.max(mostOpen, ++open)
      setTimeout(() => {
        open--
        socket.end('stream: OK\0')
      }, 20)
    }),
    { maxConcurrentScans: 2 },
  )
  const results = await Promise.all(Array.from({ length: 9 }, () => clamd.scan(chunks('x'), never)))
  assert.ok(results.every(result => result.kind === 'clean'))
  assert.equal(mostOpen, 2)
})

test('waiting for a place counts: a scan behind a hung one fails in the same time, and the place comes back', async () => {
  const { clamd, server } = await clamdThat(() => undefined, { maxConcurrentScans: 1, totalTimeoutMs: 300 })
  const hung = clamd.scan(chunks('first'), never)
  await sleep(100)
  assert.equal((await scanned(clamd, chunks('second'), 1000)).kind, 'failed')
  assert.equal((await hung).kind, 'failed')
  const before = server.connections()
  assert.deepEqual(await scanned(clamd, chunks('third'), 1000), { kind: 'failed', why: 'no reply within 300 ms' })
  assert.equal(server.connections(), before + 1)
})

test('a scan called off while it waits for a place never reaches clamd', async () => {
  const { clamd, server } = await clamdThat(() => undefined, { maxConcurrentScans: 1, totalTimeoutMs: 300 })
  const hung = clamd.scan(chunks('first'), never)
  const controller = new AbortController()
  setTimeout(() => controller.abort('the service stops'), 50)
  assert.deepEqual(await clamd.scan(chunks('second'), controller.signal), {
    kind: 'failed',
    why: 'all places were taken, the service stops',
  })
  await hung
  assert.equal(server.connections(), 1)
})

test('PING, RELOAD and VERSION are only answered by their own reply', async () => {
  const { clamd } = await clamdThat(
    onceReceived(
      bytes => bytes.includes(0),
      socket => socket.end('UNKNOWN COMMAND\0'),
    ),
  )
  for (const answer of [await clamd.ping(never), await clamd.reload(never), await clamd.version(never)]) {
    assert.deepEqual(answer, { kind: 'failed', why: 'not a reply of clamd: UNKNOWN COMMAND?' })
  }
})
