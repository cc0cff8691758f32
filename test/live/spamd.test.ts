// The spamd client against a real spamd with Debian's rules.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createSpamd, type Spamd } from '../../filters/spamd/client.js'
import type { SpamResult } from '../../filters/spamd/protocol.js'
import { spamdSettings } from '../../filters/spamd/settings.js'
import { contentOf, type Content } from '../../mail/content.js'
import { startSpamd, type SpamdServer } from '../servers/spamd.js'
import { gtube } from '../servers/test-virus.js'
import { until } from '../servers/until.js'

const never = new AbortController().signal
const directory = mkdtempSync(join(tmpdir(), 'mailweir-spamd-'))
let server: SpamdServer

before(async () => {
  server = await startSpamd({ directory })
})
after(async () => {
  await server.stop()
  rmSync(directory, { recursive: true, force: true })
})

function spamdAt(socket: string, settings: object = {}): Spamd {
  return createSpamd(spamdSettings.parse({ socket, ...settings }))
}

function mail(messageId: string, body: string): Content {
  const header = [
    'From: Ann <ann@example.com>',
    'To: Joe <joe@example.org>',
    'Subject: the minutes of our meeting',
    'Date: Fri, 20 Nov 2026 12:00:00 +0000',
    `Message-ID: <${messageId}@example.com>`,
  ]
  return contentOf([Buffer.from(`${header.join('\n')}\n\n`), Buffer.from(`${body}\n`, 'latin1')])
}

function checked(result: SpamResult) {
  assert.ok(result.kind === 'checked', JSON.stringify(result))
  return result
}

for (const way of ['unixSocket', 'tcpSocket'] as const) {
  test(`over the ${way}, ham is ham and GTUBE is spam, with score, threshold and tests`, async () => {
    const spamd = spamdAt(server[way])
    const ham = checked(await spamd.check(mail('ham', 'Dear Joe, here are the minutes.'), 'joe@example.org', never))
    assert.equal(ham.isSpam, false)
    assert.equal(ham.threshold, 5)
    assert.ok(ham.score < ham.threshold)
    const spam = checked(await spamd.check(mail('spam', gtube()), 'joe@example.org', never))
    assert.equal(spam.isSpam, true)
    assert.ok(spam.score >= 1000)
    assert.ok(spam.tests.includes('GTUBE'))
  })
}

test('spamd is told for whom it checks, and never a name that is none', async () => {
  const spamd = spamdAt(server.unixSocket, { defaultUser: 'site' })
  checked(await spamd.check(mail('for-joe', 'x'), 'joe@example.org', never))
  checked(await spamd.check(mail('for-site', 'x'), 'joe\r\nCompress: zlib', never))
  await until('spamd has logged both checks', () => /<for-site@.*for site:/.test(server.log()))
  assert.match(server.log(), /checking message <for-joe@example\.com> for joe@example\.org:/)
})

test('8-bit and NUL bytes reach spamd in the announced number', async () => {
  const result = await spamdAt(server.tcpSocket).check(mail('bytes', 'caf\xe9 \0 \xff\r\n\r\nmore'), 'joe', never)
  checked(result)
})

test('a message over the limit is not sent, one of exactly the limit is', async () => {
  const content = mail('large', 'x'.repeat(5000))
  const justFits = spamdAt(server.unixSocket, { maxMessageBytes: content.sizeBytes })
  checked(await justFits.check(content, 'joe', never))
  const tooSmall = spamdAt(server.unixSocket, { maxMessageBytes: content.sizeBytes - 1 })
  assert.deepEqual(await tooSmall.check(content, 'joe', never), { kind: 'tooLarge' })
})

test('more checks at once than spamd has children are all answered', async () => {
  const spamd = spamdAt(server.unixSocket)
  const results = await Promise.all(
    Array.from({ length: 8 }, (_, i) => spamd.check(mail(`many-${i}`, i % 2 ? gtube() : 'hello'), 'joe', never)),
  )
  results.forEach((result, i) => assert.equal(checked(result).isSpam, i % 2 === 1))
})

test('a frozen spamd has failed within the deadline, and checks again when it goes on', async () => {
  const spamd = spamdAt(server.tcpSocket, { totalTimeoutMs: 500 })
  server.freeze()
  try {
    const startedAt = Date.now()
    const result = await spamd.check(mail('frozen', 'x'), 'joe', never)
    assert.deepEqual(result, { kind: 'failed', why: 'no reply within 500 ms' })
    assert.ok(Date.now() - startedAt < 1500)
  } finally {
    server.thaw()
  }
  checked(await spamdAt(server.tcpSocket).check(mail('thawed', 'x'), 'joe', never))
})

test('a spamd killed while it checks has failed, and checks again after it returns', async () => {
  const spamd = spamdAt(server.unixSocket)
  server.freeze()
  const check = spamd.check(mail('killed', 'x'), 'joe', never)
  await server.kill()
  assert.equal((await check).kind, 'failed')
  assert.equal((await spamd.check(mail('gone', 'x'), 'joe', never)).kind, 'failed')
  server = await startSpamd({ directory })
  checked(await spamd.check(mail('back', 'x'), 'joe', never))
})

test('a spamd that was stopped has failed at once', async () => {
  const spamd = spamdAt(server.tcpSocket)
  await server.stop()
  const result = await spamd.check(mail('stopped', 'x'), 'joe', never)
  assert.deepEqual(result, { kind: 'failed', why: 'connection failed, ECONNREFUSED' })
})
