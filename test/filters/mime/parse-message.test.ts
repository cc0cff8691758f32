// The tree of a message: numbers, types, names, ranges, fields; and what happens at the limits.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_MIME_DEPTH, MAX_PARTS } from '../../../mail/limits.js'
import { valuesOf } from '../../../mail/header.js'
import { structureOf } from '../../../filters/mime/parse-message.js'
import { bytesInFile, bytesInMemory, bytesOf, leavesOf, structureBothWays, whatsOf } from './both-ways.js'

const mixed = (boundary: string) => `Content-Type: multipart/mixed; boundary=${boundary}\n\n`

/** What a mail could cost at most; a tenth of it is usual, the rest is for busy machines. */
const PATIENCE_MS = 5000

test('parts are numbered as IMAP numbers them', async () => {
  const message = `Content-Type: message/rfc822\n\n${mixed('c')}--c\n\na\n--c\n\nb\n--c--\n`
  const { root } = await structureBothWays(
    `${mixed('b')}--b\n\na\n--b\n${message}--b\nContent-Type: message/rfc822\n\nSubject: y\n\nhi\n--b--\n`,
  )
  const lines: string[] = []
  const walk = (part: typeof root): void => {
    lines.push(`${part.number} ${part.mediaType}`)
    part.parts.forEach(walk)
  }
  walk(root)
  assert.deepEqual(lines, [
    '0 multipart/mixed',
    '1 text/plain',
    '2 message/rfc822',
    '2.0 multipart/mixed',
    '2.1 text/plain',
    '2.2 text/plain',
    '3 message/rfc822',
    '3.1 text/plain',
  ])
})

test('a body ends before the line end that belongs to the boundary', async () => {
  const mail = `${mixed('b')}--b\nX: y\n\nbody\n\n--b\n\n--b--\n`
  const { root } = await structureBothWays(mail)
  assert.deepEqual(
    root.parts.map(part => mail.slice(part.startByte, part.endByte)),
    ['body\n', ''],
  )
})

test('a message without a usable type is plain text, numbered 1', async () => {
  for (const mail of [
    '',
    '\n',
    'Subject: x\n\nhi\n',
    'Content-Type: nonsense\n\nhi',
    'Content-Type:\n\n',
    'just words',
    '\0\0\n\0',
  ]) {
    const { root, otherReadings } = await structureBothWays(mail)
    assert.deepEqual(
      [root.number, root.mediaType, root.encoding, root.parts.length],
      ['1', 'text/plain', 'identity', 0],
      mail,
    )
    assert.ok(otherReadings.length <= 1)
  }
})

test('fields keep their names and places; values are unfolded and read as UTF-8, else latin-1', async () => {
  const mail = 'From me\nSubject: =?x?=\n\tfolded \nX-Utf: \xc3\xa0\nX-Latin : \xe9\xa0\nodd line\nX-Last:\n\nbody: x\n'
  const { header } = await structureBothWays(mail)
  assert.deepEqual(
    header.fields.map(field => [field.name, field.value]),
    [
      ['Subject', '=?x?=\tfolded'],
      ['X-Utf', '\u00e0'],
      ['X-Latin', '\u00e9\u00a0'],
      ['X-Last', ''],
    ],
  )
  assert.equal(mail.slice(header.fields[0]!.startByte, header.fields[0]!.endByte), 'Subject: =?x?=\n\tfolded \n')
  assert.equal(mail.slice(header.endByte), '\nbody: x\n')
  assert.deepEqual(valuesOf(header, 'x-latin'), ['\u00e9\u00a0'])
})

test("the name is the disposition's; another one in the type is odd and shown as another reading", async () => {
  const part = (type: string, disposition: string) =>
    `Content-Type: application/pdf${type}\nContent-Disposition: attachment${disposition}\n\nx\n`
  const same = await structureBothWays(part('; name="=?utf-8?q?caf=C3=A9.pdf?="', "; filename*=utf-8''caf%C3%A9.pdf"))
  assert.equal(same.root.fileName, 'caf\u00e9.pdf')
  assert.deepEqual([same.oddities, same.otherReadings], [[], []])
  const differing = await structureBothWays(part('; name=run.exe', '; filename=offer.pdf'))
  assert.equal(differing.root.fileName, 'offer.pdf')
  assert.deepEqual(
    differing.otherReadings.map(leaf => [leaf.number, leaf.fileName]),
    [['1~', 'run.exe']],
  )
  assert.deepEqual(differing.oddities, [{ kind: 'ambiguous', what: 'several file names', where: '1~' }])
})

test('nobody is troubled by what ordinary mailers do', async () => {
  for (const mail of [
    'Subject: x\nContent-Type: text/plain; charset="utf-8"; format=flowed\nContent-Transfer-Encoding: 8bit\n\nhi\n-- \nme\n--\n',
    `Content-Type: multipart/report; report-type=delivery-status; boundary="A/B.1"\n\n--A/B.1\n\nhi\n\n--A/B.1\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n--A/B.1\nContent-Type: text/rfc822-headers\n\nContent-Type: text/x\n\n--A/B.1--\n`,
    `Content-Type: multipart/mixed; boundary="b c"; charset=x\n\n--b c\n\nhi\n--b c--\n\n\n`,
    'Content-Type: multipart/signed; micalg=pgp-sha1; protocol="application/pgp-signature"; boundary="=-=-="\n\n--=-=-=\n\n- --\nhi\n--=-=-=\nContent-Type: application/pgp-signature\n\n-----BEGIN PGP SIGNATURE-----\n--=-=-=--\n',
  ]) {
    const structure = await structureBothWays(mail)
    assert.deepEqual([structure.oddities, structure.otherReadings], [[], []], mail)
  }
})

test('what lies deeper or is more than the limits allow is said to be so', async () => {
  const nested = Array.from({ length: MAX_MIME_DEPTH + 5 }, (_, depth) => `${mixed(`b${depth}`)}--b${depth}\n`).join('')
  assert.ok(whatsOf(await structureBothWays(nested)).includes('MAX_MIME_DEPTH'))
  const many = await structureBothWays(mixed('b') + '--b\n\nhi\n'.repeat(MAX_PARTS + 5))
  assert.deepEqual(
    many.oddities.map(oddity => [oddity.kind, oddity.what]),
    [['overLimit', 'MAX_PARTS']],
  )
  assert.ok(leavesOf(many.root).length >= MAX_PARTS - 1)
  const long = await structureBothWays(`${'x: y\n'.repeat(1024 * 220)}\nhi\n`)
  assert.deepEqual(whatsOf(long), ['MAX_HEADER_BYTES'])
  assert.ok(
    whatsOf(await structureBothWays(`Content-Type: multipart/mixed; boundary=${'b'.repeat(2000)}\n\n`)).includes(
      'MAX_BOUNDARY_BYTES',
    ),
  )
  assert.ok(whatsOf(await structureBothWays(`\n${'--\n'.repeat(300_000)}`)).includes('MAX_DASH_LINES'))
})

const rows = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join('')

const attacks: readonly [string, () => string][] = [
  ['100 000 boundary lines', () => mixed('b') + '--b\n'.repeat(100_000)],
  ['10 000 nested multiparts', () => rows(10_000, depth => `${mixed(`b${depth}`)}--b${depth}\n`)],
  ['10 000 nested multiparts of one boundary', () => `${mixed('b')}--b\n`.repeat(10_000)],
  ['10 000 nested messages', () => 'Content-Type: message/rfc822\n\n'.repeat(10_000)],
  [
    'boundaries that begin with each other',
    () => rows(10_000, at => `${mixed('a'.repeat(1 + (at % 60)))}--${'a'.repeat(1 + (at % 60))}\n`),
  ],
  [
    '10 000 competing boundaries',
    () =>
      `Content-Type: multipart/mixed; ${rows(10_000, at => `boundary=b${at};`)}\n\n${rows(50_000, at => `--b${at % 10_000}\n\nx\n`)}`,
  ],
  [
    '10 000 Content-Type fields',
    () =>
      `${rows(10_000, at => `Content-Type: multipart/mixed; boundary=b${at}\n`)}\n${rows(20_000, at => `--b${at}\n\nx\n`)}`,
  ],
  [
    'parts that are each read in many ways',
    () =>
      mixed('b') +
      '--b\nContent-Type: a/b\nContent-Type: c/d\nContent-Transfer-Encoding: base64\nContent-Transfer-Encoding: 7bit\n \nhi\n'.repeat(
        20_000,
      ),
  ],
  [
    'no boundary and many lines that might be one',
    () => `Content-Type: multipart/mixed\n\n${rows(100_000, at => `--${at}\nContent-Type: multipart/mixed\n\nx\n`)}`,
  ],
  ['a header of a million odd lines', () => 'x\n'.repeat(1_000_000)],
  ['parts that are all header', () => mixed('b') + '--b\n'.repeat(5000) + 'junk\n'.repeat(400_000)],
  ['a header of opening brackets', () => `Content-Type: multipart/mixed; boundary=b${'('.repeat(900_000)}\n\n--b\n`],
  [
    'a name of half encoded words',
    () => `Content-Disposition: attachment; filename="${'=?a?b?'.repeat(150_000)}"\n\nhi\n`,
  ],
  [
    'a boundary in 50 000 continuations',
    () => `Content-Type: multipart/mixed; ${rows(50_000, at => `boundary*${at}=a;`)}\n\n--a\n`,
  ],
  [
    'CR line ends throughout',
    () => (mixed('b') + '--b\nContent-Type: text/plain\n\nhi\n'.repeat(20_000)).replaceAll('\n', '\r'),
  ],
  ['100 000 uuencoded files', () => `\n${'begin 644 x\n#86)C\n'.repeat(100_000)}`],
  ['one line of 20 MB', () => `\n${'a'.repeat(20_000_000)}`],
]

for (const [claim, mail] of attacks) {
  test(`does not stall: ${claim}`, { timeout: 2 * PATIENCE_MS + 20_000 }, async () => {
    const bytes = bytesOf(mail())
    const startedAt = performance.now()
    const fromMemory = await structureOf(bytesInMemory(bytes))
    assert.ok(performance.now() - startedAt < PATIENCE_MS, `${performance.now() - startedAt} ms`)
    assert.ok(fromMemory.otherReadings.length <= MAX_PARTS)
    assert.ok(fromMemory.oddities.length <= 120)
    assert.deepEqual(await structureOf(bytesInFile(bytes)), fromMemory)
  })
}
