// The widths and cuts were taken from maildrop 2.9.3; test/live/maildrop-log.test.ts compares with the installed one.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maildropLine, maildropRecord } from '../../admin/maildrop-log.js'
import type { MaildropDelivery } from '../../admin/maildrop-log.js'

const plain: MaildropDelivery = {
  date: new Date(2026, 10, 6, 9, 5, 3),
  from: 'Joe <joe@example.com>',
  subject: 'hello there',
  mailbox: './Maildir/.',
  sizeBytes: 55,
  failed: false,
}

function linesOf(changes: Partial<MaildropDelivery>): string[] {
  return maildropRecord({ ...plain, ...changes }).split('\n')
}

test('a delivery is four lines and a blank one, as maildrop writes them', () => {
  assert.equal(
    maildropRecord(plain),
    'Date: Fri Nov  6 09:05:03 2026\n' +
      'From: Joe <joe@example.com>\n' +
      'Subj: hello there\n' +
      'File: ./Maildir/.                                                         (55)\n' +
      '\n',
  )
})

test('a failed delivery says !Err where a good one says File', () => {
  assert.equal(linesOf({ failed: true, mailbox: '| exit 3' })[3], `!Err: ${'| exit 3'.padEnd(68)}(55)`)
})

test('mailbox and size fill 72 columns, with one blank between them at least', () => {
  for (const length of [1, 66, 67, 68, 90]) {
    assert.equal(linesOf({ mailbox: 'E'.repeat(length) })[3], `File: ${'E'.repeat(length).slice(0, 67).padEnd(68)}(55)`)
  }
  const [, , , large] = linesOf({ mailbox: 'E'.repeat(90), sizeBytes: 2280020 })
  assert.equal(large, `File: ${'E'.repeat(62)} (2280020)`)
})

test('From and Subject end after 72 bytes', () => {
  const [, from, subject] = linesOf({ from: 'F'.repeat(73), subject: 'S'.repeat(72) })
  assert.equal(from, `From: ${'F'.repeat(72)}`)
  assert.equal(subject, `Subj: ${'S'.repeat(72)}`)
})

test('a character that does not fit whole is left out whole', () => {
  const [, from, subject, file] = linesOf({
    from: 'ä'.repeat(50),
    subject: `x${'ä'.repeat(50)}`,
    mailbox: '€'.repeat(40),
  })
  assert.equal(from, `From: ${'ä'.repeat(36)}`)
  assert.equal(subject, `Subj: x${'ä'.repeat(35)}`)
  assert.equal(file, `File: ${'€'.repeat(22)}  (55)`)
})

test('a message without From and Subject has empty lines for them', () => {
  const [, from, subject] = linesOf({ from: '', subject: '' })
  assert.deepEqual([from, subject], ['From: ', 'Subj: '])
})

test('of a folded field the first line is shown, with the blanks at its end and without those before it', () => {
  const [, from, subject] = linesOf({ from: '\t  lead and trail  ', subject: 'first\n  second' })
  assert.deepEqual([from, subject], ['From: lead and trail  ', 'Subj: first'])
})

test('no sender can forge a record: whatever ends a line is replaced', () => {
  const forged = 'x\r\u2028\x0b\x85\x1b[2JFile: /etc/passwd'
  const record = maildropRecord({ ...plain, from: forged, subject: forged, mailbox: `a\nFile: b${forged}` })
  assert.equal(record.split('\n').length, 6)

  assert.doesNotMatch(record, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028]/)
  assert.match(record, /^File: a\?File: b/m)
})

test('a log statement is a line of its own, its line breaks are its author’s, the rest cannot steer a terminal', () => {
  assert.equal(maildropLine('tab\tand\nbreak \x1b[2J\r'), 'tab\tand\nbreak ?[2J?\n')
  assert.equal(maildropLine(''), '\n')
})
