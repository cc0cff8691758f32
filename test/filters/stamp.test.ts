// What is written into the header, and that nobody outside can have written it there before us.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chunksOf } from '../../mail/content.js'
import type { Envelope } from '../../mail/envelope.js'
import type { Finding } from '../../mail/finding.js'
import type { Message } from '../../mail/message.js'
import type { Decision, Verdict } from '../../mail/verdict.js'
import { decodeWords } from '../../filters/mime/decode-name.js'
import { parseMessage } from '../../filters/mime/parse-message.js'
import { stamp, stampLines, type SpamCheck, type StampSettings } from '../../filters/stamp.js'
import { bytesInFile, bytesInMemory, bytesOf } from './mime/both-ways.js'

const envelope: Envelope = {
  id: 'x1',
  sender: null,
  recipients: [],
  client: { arrival: 'lmtp', peer: 'unix', heloName: null },
  receivedAt: new Date(0),
}
const both: StampSettings = { hostName: 'mx.example.org', clamdEnabled: true, spamdEnabled: true, version: '0.1.0' }
const ham: SpamCheck = { score: -1.24, threshold: 5, isSpam: false, tests: [] }
const spam: SpamCheck = { score: 7.26, threshold: 5, isSpam: true, tests: ['BAYES_99', 'URIBL_BLACK'] }

async function messageOf(mail: string, isInFile = false): Promise<Message> {
  const bytes = bytesOf(mail)
  const spooled = { bytes: isInFile ? bytesInFile(bytes) : bytesInMemory(bytes), sizeBytes: bytes.length, sha256: '' }
  return parseMessage(spooled, envelope)
}

function verdict(decision: Decision, ...findings: Finding[]): Verdict {
  return { decision, findings, policy: '' }
}

async function stamped(mail: string, lines: string[] = ['X-New: 1'], settings: StampSettings = both): Promise<string> {
  const texts: string[] = []
  for (const isInFile of [false, true]) {
    const chunks: Buffer[] = []
    const content = await stamp(await messageOf(mail, isInFile), lines, settings)
    for await (const chunk of chunksOf(content)) chunks.push(Buffer.from(chunk))
    const whole = Buffer.concat(chunks)
    assert.equal(content.sizeBytes, whole.length)
    texts.push(whole.toString('latin1'))
  }
  assert.equal(texts[0], texts[1])
  return texts[0] ?? ''
}

test('a clean message says who looked', async () => {
  assert.deepEqual(stampLines(verdict('pass'), both, ham), [
    'X-Virus-Scanned: Mailweir 0.1.0 at mx.example.org',
    'X-Spam-Flag: NO',
    'X-Spam-Score: -1.2',
    'X-Spam-Status: No, score=-1.2 required=5.0 tests=none',
  ])
})

test('spam says so, with a star for each point', async () => {
  assert.deepEqual(stampLines(verdict('tag'), both, spam).slice(1), [
    'X-Spam-Flag: YES',
    'X-Spam-Score: 7.3',
    'X-Spam-Level: *******',
    'X-Spam-Status: Yes, score=7.3 required=5.0 tests=BAYES_99,URIBL_BLACK',
  ])
  const level = stampLines(verdict('tag'), both, { ...spam, score: 1000 }).find(line => line.startsWith('X-Spam-Level'))
  assert.equal(level, `X-Spam-Level: ${'*'.repeat(50)}`)
})

test('nobody claims to have looked who did not', async () => {
  const unscanned = verdict('defer', { kind: 'unscanned', by: 'clamd', why: 'timeout', where: 'message' })
  assert.deepEqual(stampLines(unscanned, both, null), [])
  assert.deepEqual(stampLines(verdict('pass'), { ...both, clamdEnabled: false, spamdEnabled: false }, ham), [])
})

test('many tests are folded, no line is long, and nothing breaks out of the field', async () => {
  const tests = Array.from({ length: 60 }, (_, index) => `A_TEST_OF_SPAM_${index}`)
  const status = stampLines(verdict('tag'), both, { ...spam, tests: [...tests, 'X\nTo: evil'] }).at(-1) ?? ''
  const rows = status.split('\n')
  assert.ok(rows.length > 10 && rows.every(row => row.length <= 72))
  assert.ok(rows.slice(1).every(row => row.startsWith('\t')))
  assert.equal(
    status.replaceAll('\n\t', ''),
    `X-Spam-Status: Yes, score=7.3 required=5.0 tests=${tests.join(',')},XTo:evil`,
  )
})

test('a message tagged for another reason than spam says why, in at most twenty lines', async () => {
  const findings: Finding[] = Array.from({ length: 30 }, (_, index) => ({ kind: 'encrypted', where: `${index} a.zip` }))
  const spamFinding: Finding = { kind: 'spam', score: 7, threshold: 5, tests: [] }
  const lines = stampLines(verdict('tag', spamFinding, ...findings), both, null).slice(1)
  assert.equal(lines.length, 20)
  assert.equal(lines[0], 'X-Mailweir-Finding: encrypted: 0 a.zip')
  assert.equal(stampLines(verdict('pass', ...findings), both, null).length, 1)
})

test('a name outside ASCII is an encoded word, and cannot end the field', async () => {
  const where = '1 \u00e9\u4e2d\u6587 name\r\nTo: x.zip'
  const line = stampLines(verdict('tag', { kind: 'encrypted', where }), both, null)[1] ?? ''
  assert.match(line, /^[\x20-\x7e\n\t]*$/)
  assert.ok(line.startsWith('X-Mailweir-Finding: encrypted: 1 =?UTF-8?B?'))
  assert.equal(
    decodeWords(line.replaceAll('\n\t', ' ')),
    'X-Mailweir-Finding: encrypted: 1 \u00e9\u4e2d\u6587 name??To: x.zip',
  )
})

test('our lines come first, then the message as it was', async () => {
  assert.equal(await stamped('Subject: x\n\nX-Spam-Flag: NO\n'), 'X-New: 1\nSubject: x\n\nX-Spam-Flag: NO\n')
  assert.equal(await stamped('\nX-Spam-Flag: NO\n'), 'X-New: 1\n\nX-Spam-Flag: NO\n')
  assert.equal(await stamped(''), 'X-New: 1\n')
  assert.equal(await stamped('Subject: x\n\nhi\n', []), 'Subject: x\n\nhi\n')
})

test('a leading mbox line stays first', async () => {
  assert.equal(await stamped('From me\nX-Spam-Flag: NO\nTo: x\n\nhi\n'), 'From me\nX-New: 1\nTo: x\n\nhi\n')
})

const forgeries: readonly [string, string, string][] = [
  ['in any case', 'x-SPAM-flag: NO\n', ''],
  [
    'all our names',
    'X-Spam-Flag: a\nX-Spam-Score: b\nX-Spam-Level: c\nX-Spam-Status: d\nX-Virus-Scanned: e\nX-Mailweir-Finding: f\nX-Mailweir-Any: g\n',
    '',
  ],
  ['several of one name', 'X-Spam-Flag: NO\nA: b\nX-Spam-Flag: NO\n', 'A: b\n'],
  ['with blanks before the colon', 'X-Spam-Flag \t: NO\n', ''],
  ['with a comment in the name', 'X-Spam-Flag (x): NO\n', ''],
  ['with a NUL in the name', 'X-Spam\0-Flag: NO\n', ''],
  ['with many blanks before the colon', `X-Spam-Flag${' '.repeat(200)}: NO\n`, ''],
  ['with a long comment in the name', `X-Spam-Flag (${'x'.repeat(300)}): NO\n`, ''],
  ['folded', 'X-Spam-Status: No,\n score=0\n\ttests=A\n \nA: b\n', 'A: b\n'],
  ['with the colon on the folded line', 'X-Spam-Flag\n : NO\n', ''],
  ['after an odd line', 'A: b\nan odd line\nX-Spam-Flag: NO\n', 'A: b\nan odd line\n'],
  ['after a line of blanks', 'A: b\n \nX-Spam-Flag: NO\n', 'A: b\n \n'],
  ['after a bare CR, up to a LF', 'A: b\rX-Spam-Flag: NO\nC: d\n', 'A: b\r\nC: d\n'],
  ['after a LF, up to a bare CR', 'A: b\nX-Spam-Flag: NO\rC: d\n', 'A: b\nC: d\n'],
  ['between bare CRs', 'A: b\rX-Spam-Flag: NO\rC: d\n', 'A: b\rC: d\n'],
  ['after an empty line of bare CRs', 'A: b\r\rX-Spam-Flag: NO\nC: d\n', 'A: b\r\r\nC: d\n'],
  ['with CR and LF', 'A: b\r\nX-Spam-Flag: NO\r\nC: d\r\n', 'A: b\r\nC: d\r\n'],
  ['without a line end', 'A: b\nX-Spam-Flag: NO', 'A: b\n'],
]

for (const [claim, header, left] of forgeries) {
  test(`a forged field is taken out: ${claim}`, async () => {
    assert.equal(await stamped(`To: x\n${header}`), `X-New: 1\nTo: x\n${left}`)
    if (header.endsWith('\n'))
      assert.equal(await stamped(`${header}\nX-Spam-Flag: body\n`), `X-New: 1\n${left}\nX-Spam-Flag: body\n`)
  })
}

test('fields that only resemble ours stay', async () => {
  const mail = 'X-Spam-Flags: a\nX-Spam: b\nSubject: x\n X-Spam-Flag: folded\nX-Virus-Status: c\n\nhi\n'
  assert.equal(await stamped(mail), `X-New: 1\n${mail}`)
})

test("the fields of a scanner that is switched off are some earlier filter's and stay", async () => {
  const mail = 'X-Spam-Flag: YES\nX-Virus-Scanned: by others\nX-Mailweir-Finding: x\nTo: y\n\nhi\n'
  assert.equal(await stamped(mail, [], { ...both, spamdEnabled: false }), 'X-Spam-Flag: YES\nTo: y\n\nhi\n')
  assert.equal(await stamped(mail, [], { ...both, clamdEnabled: false }), 'X-Virus-Scanned: by others\nTo: y\n\nhi\n')
})

test('a message that begins with a folded line does not go on in our last field', async () => {
  assert.equal(await stamped(' YES\nTo: x\n\nhi\n'), 'X-New: 1\nX-Mailweir-Unattached:\n YES\nTo: x\n\nhi\n')
})

test('a body of megabytes is passed on as a range, not copied', async () => {
  const mail = `X-Spam-Flag: NO\nTo: x\n\n${'a'.repeat(3_000_000)}`
  const content = await stamp(await messageOf(mail), ['X-New: 1'], both)
  assert.deepEqual(
    content.segments.map(segment => (Buffer.isBuffer(segment) ? 'bytes' : segment.startByte)),
    ['bytes', 16],
  )
})
