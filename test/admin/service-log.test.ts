import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { logDelivery, deliveryFields } from '../../admin/log-delivery.js'
import type { Delivery } from '../../admin/log-delivery.js'
import { logSettings } from '../../admin/log-settings.js'
import { createLog } from '../../admin/service-log.js'
import type { Finding } from '../../mail/finding.js'

async function logFile(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mailweir-log-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'mailweir.log')
}

const delivery: Delivery = {
  envelope: {
    id: 'abc123',
    sender: { localPart: 'joe', domain: 'example.com' },
    recipients: [],
    client: { arrival: 'lmtp', peer: 'unix', heloName: 'mx.example.com' },
    receivedAt: new Date(0),
  },
  recipient: { localPart: 'anna', domain: 'example.net' },
  messageId: '<1@example.com>',
  spooled: { sizeBytes: 1234, sha256: 'ab'.repeat(32) },
  verdict: {
    decision: 'tag',
    policy: 'policy.spam = "tag"',
    findings: [{ kind: 'spam', score: 7.5, threshold: 5, tests: [] }],
  },
  outcome: { kind: 'delivered', text: 'delivered' },
  mailbox: './Maildir/.Junk/.',
  because: '/etc/maildroprc:12',
  durationMs: 12.4,
}

test('a delivered message is one line that says where it went and why', async t => {
  const file = await logFile(t)
  const log = createLog(logSettings.parse({ file }))
  logDelivery(log, delivery)
  await log.flush()
  const lines = (await readFile(file, 'utf8')).split('\n')
  assert.equal(lines.length, 2)
  const { time, pid, ...line } = JSON.parse(lines[0]!) as Record<string, unknown>
  assert.ok(typeof time === 'string' && pid === process.pid)
  assert.deepEqual(line, {
    level: 30,
    id: 'abc123',
    messageId: '<1@example.com>',
    sender: 'joe@example.com',
    recipient: 'anna@example.net',
    outcome: 'delivered',
    mailbox: './Maildir/.Junk/.',
    because: '/etc/maildroprc:12',
    decision: 'tag',
    policy: 'policy.spam = "tag"',
    findings: ['spam 7.5 of 5'],
    reply: '250 2.0.0 delivered',
    client: { arrival: 'lmtp', peer: 'unix', heloName: 'mx.example.com' },
    sizeBytes: 1234,
    sha256: 'ab'.repeat(32),
    durationMs: 12,
    msg: 'delivered',
  })
})

test('a deferred message is a warning with the cause of the cause, which the peer does not see', () => {
  const said: { level: string; fields: Record<string, unknown>; text: string }[] = []
  const note =
    (level: string) =>
    (fields: Record<string, unknown>, text: string): void => {
      said.push({ level, fields, text })
    }
  const log = { info: note('info'), warn: note('warn') } as unknown as Parameters<typeof logDelivery>[0]
  const cause = new Error('cannot deliver', { cause: new Error('disk is full') })
  logDelivery(log, { ...delivery, mailbox: null, outcome: { kind: 'tryLater', text: 'try again later', cause } })
  assert.equal(said[0]?.level, 'warn')
  assert.equal(said[0].text, 'deferred')
  assert.match(String(said[0].fields['cause']), /cannot deliver[^]*caused by: Error: disk is full/)
  assert.equal(said[0].fields['reply'], '451 4.3.0 try again later')
})

test('a bounce has the empty sender, a message nobody looked into no verdict', () => {
  const fields = deliveryFields({ ...delivery, envelope: { ...delivery.envelope, sender: null }, verdict: null })
  assert.equal(fields['sender'], '<>')
  assert.deepEqual([fields['decision'], fields['policy'], fields['findings']], [null, null, null])
})

test('a sender cannot fill the log: long texts are cut, and of many findings fifty are shown', () => {
  const findings = Array.from({ length: 5_000 }, (): Finding => ({ kind: 'encrypted', where: 'x'.repeat(5_000) }))
  const fields = deliveryFields({
    ...delivery,
    messageId: 'm'.repeat(100_000),
    verdict: { decision: 'tag', policy: '', findings },
  })
  assert.ok(JSON.stringify(fields).length < 60_000)
  assert.equal((fields['findings'] as string[]).at(-1), 'and 4950 more')
})

test('nothing from outside can begin a line or steer a terminal, in either form of the log', async t => {
  const evil = 'a\nb\r\u001b[31m\u009b2J\u202e\u2028\u007f'
  for (const format of ['json', 'text'] as const) {
    const file = await logFile(t)
    const log = createLog(logSettings.parse({ file, format }))
    logDelivery(log, { ...delivery, messageId: evil, mailbox: evil })
    log.error(new Error(evil), evil)
    await log.flush()
    const text = await readFile(file, 'utf8')
    assert.equal(text.split('\n').length, 3, format)

    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]/, format)
    if (format === 'json') assert.equal((JSON.parse(text.split('\n')[0]!) as { messageId: string }).messageId, evil)
  }
})

test('the log in text can be read without tools', async t => {
  const file = await logFile(t)
  const log = createLog(logSettings.parse({ file, format: 'text' }))
  logDelivery(log, delivery)
  log.info('worker ready')
  await log.flush()
  const [first, second] = (await readFile(file, 'utf8')).split('\n')
  assert.match(
    first!,
    /^\S+Z info {2}delivered id=abc123 .* recipient=anna@example\.net outcome=delivered mailbox=\.\/Maildir/,
  )
  assert.match(first!, / findings=\["spam 7\.5 of 5"\] /)
  assert.match(second!, /^\S+Z info {2}worker ready$/)
})

test('lines below the level are not written', async t => {
  const file = await logFile(t)
  const log = createLog(logSettings.parse({ file, level: 'warn' }))
  logDelivery(log, delivery)
  log.warn('kept')
  await log.flush()
  assert.equal((await readFile(file, 'utf8')).split('\n').length, 2)
})

test('after a rotation the log goes on in a new file', async t => {
  const file = await logFile(t)
  const log = createLog(logSettings.parse({ file }))
  log.info('before')
  await log.flush()
  await rename(file, `${file}.1`)
  log.reopen()
  log.info('after')
  await log.flush()
  assert.match(await readFile(`${file}.1`, 'utf8'), /before/)
  assert.match(await readFile(file, 'utf8'), /^[^\n]*after[^\n]*\n$/)
})

test('a log file that cannot be opened stops the start', () => {
  assert.throws(() => createLog(logSettings.parse({ file: '/nonexistent/mailweir.log' })), /ENOENT/)
})

test('a process that ends at once has still said everything, to a file and to standard output', async t => {
  const file = await logFile(t)
  for (const to of [file, null]) {
    const script =
      `import { createLog } from ${JSON.stringify(new URL('../../admin/service-log.js', import.meta.url).href)}\n` +
      `const log = createLog({ level: 'info', file: ${JSON.stringify(to)}, format: 'json', maildropLog: null })\n` +
      `for (let i = 0; i < 500; i++) log.info({ i }, 'line')\nprocess.exit(0)\n`
    const ran = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    assert.equal(ran.status, 0, ran.stderr)
    const text = to === null ? ran.stdout : await readFile(to, 'utf8')
    assert.equal(text.split('\n').length, 501)
  }
})

test('a full disk is said once, and the service goes on', () => {
  const script =
    `import { createLog } from ${JSON.stringify(new URL('../../admin/service-log.js', import.meta.url).href)}\n` +
    `const log = createLog({ level: 'info', file: '/dev/full', format: 'json', maildropLog: null })\n` +
    `for (let i = 0; i < 200; i++) { log.info({ i }, 'line'); await new Promise(setImmediate) }\n` +
    `process.stdout.write('still here')\n`
  const ran = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 20_000 })
  assert.equal(ran.stdout, 'still here', ran.stderr)
  assert.equal(ran.status, 0, ran.stderr)
  assert.match(ran.stderr, /^mailweir: the log cannot be written: ENOSPC[^\n]*\n$/)
})
