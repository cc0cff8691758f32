// Our maildrop.log beside the one that the installed maildrop writes for the same deliveries, byte for byte but for
// the time. Runs maildrop as a user without rights, which needs root to become one.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { maildropLine, maildropRecord } from '../../admin/maildrop-log.js'

const USER = 'nobody'

type Mail = { readonly from: string; readonly subject: string }

function newHome(t: TestContext): string {
  const home = mkdtempSync('/var/tmp/mailweir-maildrop-log-')
  t.after(() => rmSync(home, { recursive: true, force: true }))
  chmodSync(home, 0o755)
  if (process.getuid?.() === 0) chownSync(home, idOf('-u'), idOf('-g'))
  return home
}

function idOf(flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, USER], { encoding: 'utf8' }))
}

function asUser(argv: readonly string[], home: string, input = ''): ReturnType<typeof spawnSync> {
  const identity = process.getuid?.() === 0 ? ['setpriv', `--reuid=${USER}`, '--clear-groups', '--'] : []
  const [program = '', ...args] = [...identity, ...argv]
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, SHELL: '/bin/sh', TZ: process.env['TZ'] ?? '' }
  return spawnSync(program, args, { cwd: home, env, input: Buffer.from(input, 'latin1') })
}

/** What maildrop logs for the message and these statements; the log is ./log. */
function maildropLogs(home: string, message: string, statements: string): string {
  rmSync(join(home, 'log'), { force: true })
  writeFileSync(join(home, 'filter'), `logfile "${home}/log"\n${statements}\nto "./mbox"\n`, { mode: 0o600 })
  if (process.getuid?.() === 0) chownSync(join(home, 'filter'), idOf('-u'), idOf('-g'))
  // A failed `cc` that was caught leaves its exit code behind, so the code says nothing here.
  asUser(['maildrop', 'filter'], home, message)
  return readFileSync(join(home, 'log'), 'latin1')
}

function messageOf({ from, subject }: Mail): string {
  return `From: ${from}\nSubject: ${subject}\n\nbody\n`
}

const DATE = /^Date: \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/gm

function withoutDates(log: string): string {
  return log.replace(DATE, 'Date: then')
}

function ourRecord(mail: Mail, mailbox: string, failed = false): string {
  const sizeBytes = messageOf(mail).length
  return withoutDates(maildropRecord({ ...mail, date: new Date(), mailbox, sizeBytes, failed }))
}

const plain: Mail = { from: 'Joe <joe@example.com>', subject: 'hello there' }

test('the real maildrop writes the same record for From and Subject of every length and kind', t => {
  const home = newHome(t)
  const mails: Mail[] = [
    plain,
    { from: '', subject: '' },
    { from: '  lead and  trail ', subject: '\ttab\tand\tmore ' },
    { from: 'a folded\n  field', subject: 'subject,\n\tfolded\n twice' },
    ...[70, 71, 72, 73, 74, 300].map(length => ({ from: 'F'.repeat(length), subject: 'S'.repeat(length + 1) })),
    { from: '=?utf-8?q?J=C3=B6?= <joe@example.com>', subject: '=?utf-8?b?w7Y=?= =?utf-8?b?w7Y=?=' },
  ]
  for (const mail of mails) {
    assert.equal(withoutDates(maildropLogs(home, messageOf(mail), '')), ourRecord(mail, './mbox'), JSON.stringify(mail))
  }
})

test('the real maildrop pads and cuts mailboxes to the same column', t => {
  const home = newHome(t)
  const names = [1, 20, 63, 64, 65, 66, 67, 68, 69, 80].map(length => 'E'.repeat(length))
  for (const name of names) asUser(['mkdir', '-p', `${name}/new`, `${name}/cur`, `${name}/tmp`], home)
  const logged = maildropLogs(home, messageOf(plain), names.map(name => `cc "${name}"`).join('\n'))
  const ours = [...names, './mbox'].map(name => ourRecord(plain, name)).join('')
  assert.equal(withoutDates(logged), ours)
})

test('the real maildrop leaves as much room for a size of seven digits', t => {
  const home = newHome(t)
  const mail = `${messageOf(plain)}${`${'x'.repeat(75)}\n`.repeat(30_000)}`
  const name = 'E'.repeat(80)
  asUser(['mkdir', '-p', `${name}/new`, `${name}/cur`, `${name}/tmp`], home)
  const logged = withoutDates(maildropLogs(home, mail, `cc "${name}"`))
  const ours = [name, './mbox'].map(mailbox =>
    withoutDates(maildropRecord({ ...plain, date: new Date(), mailbox, sizeBytes: mail.length, failed: false })),
  )
  assert.equal(logged, ours.join(''))
})

test('the real maildrop writes the same for a delivery that fails, and the same line for a log statement', t => {
  const home = newHome(t)
  const logged = maildropLogs(
    home,
    messageOf(plain),
    'log "a line\\nand another\tone"\nexception {\n  cc "| exit 3"\n}',
  )
  const ours =
    maildropLine('a line\nand another\tone') + ourRecord(plain, '| exit 3', true) + ourRecord(plain, './mbox')
  assert.equal(withoutDates(logged), ours)
})

test('the time is written as the real maildrop writes it', t => {
  const home = newHome(t)
  const before = Date.now()
  const [theirs = ''] = DATE[Symbol.match](maildropLogs(home, messageOf(plain), '')) ?? []
  const possible = []
  for (let time = before - 1_000; time <= Date.now() + 1_000; time += 500) {
    possible.push(
      maildropRecord({ ...plain, date: new Date(time), mailbox: 'm', sizeBytes: 1, failed: false }).split('\n')[0],
    )
  }
  assert.ok(possible.includes(theirs), `${theirs}\n${possible.join('\n')}`)
})
