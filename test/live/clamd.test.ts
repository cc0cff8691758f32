// The clamd client against a real clamd with signatures of its own.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClamd, type Clamd } from '../../filters/clamd/client.js'
import { clamdSettings } from '../../filters/clamd/settings.js'
import { startClamd, type ClamdServer } from '../servers/clamd.js'
import { eicar, marker } from '../servers/test-virus.js'

const MIB = 1024 * 1024
const never = new AbortController().signal
const directory = mkdtempSync(join(tmpdir(), 'mailweir-clamd-'))
let server: ClamdServer

before(async () => {
  server = await startClamd({ directory, streamMaxLengthBytes: MIB })
})
after(async () => {
  await server.stop()
  rmSync(directory, { recursive: true, force: true })
})

function clamdAt(socket: string, settings: object = {}): Clamd {
  return createClamd(clamdSettings.parse({ socket, ...settings }))
}

async function* chunks(...buffers: Buffer[]): AsyncGenerator<Buffer> {
  yield* buffers
}

async function* zeros(sizeBytes: number): AsyncGenerator<Buffer> {
  for (let left = sizeBytes; left > 0; left -= 65536) yield Buffer.alloc(Math.min(left, 65536))
}

/** Holds up the whole process, so that whatever the server says meanwhile cannot be read before our next write. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

for (const way of ['unixSocket', 'tcpSocket'] as const) {
  test(`over the ${way}, clean content is clean and the test virus is found by name`, async () => {
    const clamd = clamdAt(server[way])
    assert.deepEqual(await clamd.scan(chunks(Buffer.from('good morning')), never), { kind: 'clean' })
    assert.deepEqual(await clamd.scan(chunks(), never), { kind: 'clean' })
    const found = { kind: 'infected', name: 'Eicar-Test-Signature.UNOFFICIAL' }
    assert.deepEqual(await clamd.scan(chunks(eicar()), never), found)
    const [head, tail] = [eicar().subarray(0, 30), eicar().subarray(30)]
    assert.deepEqual(await clamd.scan(chunks(Buffer.alloc(0), head, tail), never), found)
  })

  test(`over the ${way}, a stream past StreamMaxLength is too large, wherever we are when clamd says so`, async () => {
    const clamd = clamdAt(server[way])
    assert.deepEqual(await clamd.scan(zeros(MIB), never), { kind: 'clean' })
    assert.deepEqual(await clamd.scan(zeros(MIB + 1), never), { kind: 'tooLarge' })
    assert.deepEqual(await clamd.scan(zeros(64 * MIB), never), { kind: 'tooLarge' })
  })

  test(`over the ${way}, the size limit is heard although clamd has hung up before our next write`, async () => {
    const clamd = clamdAt(server[way])
    async function* late() {
      yield* zeros(MIB + 65536)
      for (let i = 0; i < 3; i++) {
        standStill(200)
        yield Buffer.alloc(65536)
      }
    }
    assert.deepEqual(await clamd.scan(late(), never), { kind: 'tooLarge' })
  })
}

test('a virus at the end of a stream of the greatest length is found', async () => {
  async function* content() {
    yield* zeros(MIB - marker().length)
    yield marker()
  }
  const result = await clamdAt(server.unixSocket).scan(content(), never)
  assert.deepEqual(result, { kind: 'infected', name: 'Mailweir.Test.Marker.UNOFFICIAL' })
})

test('forty scans at once, more than clamd has threads, each get their own answer', async () => {
  const clamd = clamdAt(server.unixSocket)
  const results = await Promise.all(
    Array.from({ length: 40 }, (_, i) => clamd.scan(chunks(i % 2 ? eicar() : Buffer.from(`mail ${i}`)), never)),
  )
  results.forEach((result, i) => assert.equal(result.kind, i % 2 ? 'infected' : 'clean'))
})

test('clamd says its version, reloads and is alive', async () => {
  const clamd = clamdAt(server.tcpSocket)
  const version = await clamd.version(never)
  assert.ok(version.kind === 'version')
  assert.match(version.engine, /^\d+\.\d+\.\d+/)
  assert.equal(version.databaseDate, null, 'local signatures only: there is no daily database')
  assert.deepEqual(await clamd.reload(never), { kind: 'reloading' })
  assert.deepEqual(await clamd.ping(never), { kind: 'alive' })
})

test('a frozen clamd has failed within the deadline, and scans again when it goes on', async () => {
  for (const socket of [server.unixSocket, server.tcpSocket]) {
    const clamd = clamdAt(socket, { totalTimeoutMs: 500 })
    server.freeze()
    try {
      const startedAt = Date.now()
      assert.deepEqual(await clamd.scan(chunks(eicar()), never), { kind: 'failed', why: 'no reply within 500 ms' })
      assert.ok(Date.now() - startedAt < 1500)
    } finally {
      server.thaw()
    }
    assert.equal((await clamdAt(socket).scan(chunks(eicar()), never)).kind, 'infected')
  }
})

test('a clamd killed in the middle of a stream has failed, and scans again after it returns', async () => {
  for (const way of ['unixSocket', 'tcpSocket'] as const) {
    const clamd = clamdAt(server[way])
    async function* content() {
      yield eicar()
      await server.kill()
      yield* zeros(MIB / 2)
    }
    const result = await clamd.scan(content(), never)
    assert.equal(result.kind, 'failed')
    assert.equal((await clamd.ping(never)).kind, 'failed')
    const port = Number(server.tcpSocket.split(':')[1])
    server = await startClamd({ directory, port, streamMaxLengthBytes: MIB })
    assert.equal((await clamd.scan(chunks(eicar()), never)).kind, 'infected')
  }
})

test('a clamd killed while we wait for its answer has failed at once', async () => {
  const clamd = clamdAt(server.unixSocket)
  server.freeze()
  const scan = clamd.scan(chunks(eicar()), never)
  await sleep(100)
  await server.kill()
  const result = await scan
  assert.equal(result.kind, 'failed')
  server = await startClamd({ directory, streamMaxLengthBytes: MIB })
})
