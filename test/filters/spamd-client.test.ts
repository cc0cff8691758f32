// The spamd client against servers that misbehave as a real spamd cannot be made to.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createSpamd } from '../../filters/spamd/client.js'
import { spamdSettings } from '../../filters/spamd/settings.js'
import { contentOf } from '../../mail/content.js'
import { onceReceived, startFaultyServer, type Script } from '../servers/faulty-server.js'

const never = new AbortController().signal
const REPLY = 'SPAMD/1.1 0 EX_OK\r\nContent-length: 5\r\nSpam: True ; 15.0 / 5.0\r\n\r\nGTUBE'
const mail = contentOf([Buffer.from('Subject: caf\xe9\n\n', 'latin1'), Buffer.from([0xe9, 0, 0xff, 10])])
const cleanUp: (() => Promise<void>)[] = []
after(async () => {
  for (const stop of cleanUp) await stop()
})

async function spamdThat(script: Script, settings: object = {}, options = { reads: true }) {
  const server = await startFaultyServer(script, options)
  cleanUp.push(server.stop)
  return {
    server,
    spamd: createSpamd(spamdSettings.parse({ socket: server.address, totalTimeoutMs: 5000, ...settings })),
  }
}

const afterTheEnd: Script = socket => socket.on('end', () => socket.end(REPLY))

test('the bytes of the message go out as they are, and then our side is closed', async () => {
  const { spamd, server } = await spamdThat(afterTheEnd)
  const result = await spamd.check(mail, 'joe@example.org', never)
  assert.deepEqual(result, { kind: 'checked', score: 15, threshold: 5, isSpam: true, tests: ['GTUBE'] })
  const head = 'SYMBOLS SPAMC/1.5\r\nContent-length: 19\r\nUser: joe@example.org\r\n\r\n'
  assert.equal(server.received().toString('latin1'), `${head}Subject: caf\xe9\n\n\xe9\0\xff\n`)
})

test('a name that spamd must not be given becomes the default user', async () => {
  const { spamd, server } = await spamdThat(afterTheEnd, { defaultUser: 'site' })
  await spamd.check(mail, 'a/../b@example.org', never)
  assert.match(server.received().toString('latin1'), /\r\nUser: site\r\n/)
})

test('a message over the limit is not sent', async () => {
  const { spamd, server } = await spamdThat(afterTheEnd, { maxMessageBytes: mail.sizeBytes - 1 })
  assert.deepEqual(await spamd.check(mail, 'joe', never), { kind: 'tooLarge' })
  assert.equal(server.connections(), 0)
})

const FAULTS: readonly [claim: string, script: Script, settings: object, why: RegExp][] = [
  ['a spamd that accepts and never answers', () => undefined, { totalTimeoutMs: 200 }, /^no reply within 200 ms$/],
  ['a spamd that closes without a word', socket => socket.on('end', () => socket.end()), {}, /without a reply/],
  [
    'a spamd that drops the connection',
    onceReceived(
      () => true,
      socket => socket.resetAndDestroy(),
    ),
    {},
    /ECONNRESET|EPIPE/,
  ],
  ['half a reply', socket => socket.on('end', () => socket.end(REPLY.slice(0, 30))), {}, /cut off/],
  ['a reply that goes on', socket => socket.on('end', () => socket.end(`${REPLY}x`)), {}, /announced/],
  ['garbage', socket => socket.on('end', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')), {}, /not a reply/],
  ['a reply without end', socket => socket.write('x'.repeat(200_000)), {}, /more than 65536 bytes/],
  ['a spamd that is busy', socket => socket.end('SPAMD/1.0 69 Service Unavailable: x\r\n'), {}, /spamd says 69/],
]

for (const [claim, script, settings, why] of FAULTS) {
  test(`${claim} has failed, in time`, async () => {
    const { spamd } = await spamdThat(script, settings)
    const startedAt = Date.now()
    const result = await spamd.check(mail, 'joe', never)
    assert.equal(result.kind, 'failed')
    assert.match(result.why, why)
    assert.ok(Date.now() - startedAt < 1500)
  })
}

test('a reply before the message was sent is no verdict', async () => {
  const large = contentOf(Array.from({ length: 400 }, () => Buffer.alloc(64 * 1024)))
  const { spamd } = await spamdThat(socket => socket.end(REPLY), { maxMessageBytes: large.sizeBytes }, { reads: false })
  const result = await spamd.check(large, 'joe', never)
  assert.equal(result.kind, 'failed')
})

test('a spamd that is not there has failed at once', async () => {
  const { spamd, server } = await spamdThat(() => undefined)
  await server.stop()
  assert.deepEqual(await spamd.check(mail, 'joe', never), { kind: 'failed', why: 'connection failed, ECONNREFUSED' })
})

test('checks beyond the number of places wait until one is free', async () => {
  let open = 0
  let mostOpen = 0
  const slow: Script = socket => {
    mostOpen = Math.max(mostOpen, ++open)
    socket.on('end', () =>
      setTimeout(() => {
        open--
        socket.end(REPLY)
      }, 20),
    )
  }
  const { spamd } = await spamdThat(slow, { maxConcurrentChecks: 2 })
  const results = await Promise.all(Array.from({ length: 7 }, () => spamd.check(mail, 'joe', never)))
  assert.ok(results.every(result => result.kind === 'checked'))
  assert.equal(mostOpen, 2)
})
