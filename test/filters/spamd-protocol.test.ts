// spamd's request and reply as values.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeSymbolsRequest, isUserName, parseSymbolsReply, userNameFor } from '../../filters/spamd/protocol.js'
import { mutated, randomFrom } from './random.js'

const WHOLE = 'SPAMD/1.1 0 EX_OK\r\nContent-length: 11\r\nSpam: True ; 15.0 / 5.0\r\n\r\nGTUBE,B_ONE'
const parse = (text: string) => parseSymbolsReply(Buffer.from(text, 'latin1'))

test('the request carries the exact size and the user', () => {
  assert.equal(
    encodeSymbolsRequest(1234, 'joe@example.org').toString('latin1'),
    'SYMBOLS SPAMC/1.5\r\nContent-length: 1234\r\nUser: joe@example.org\r\n\r\n',
  )
})

test('a reply gives score, threshold and the tests that hit', () => {
  assert.deepEqual(parse(WHOLE), { kind: 'checked', score: 15, threshold: 5, isSpam: true, tests: ['GTUBE', 'B_ONE'] })
})

test('ham without a single test has an empty list and no negative zero', () => {
  assert.deepEqual(parse('SPAMD/1.1 0 EX_OK\r\nSpam: False ; -0.0 / 5.0\r\nContent-length: 0\r\n\r\n'), {
    kind: 'checked',
    score: 0,
    threshold: 5,
    isSpam: false,
    tests: [],
  })
})

test('other headers are passed over, whatever the version spamd says', () => {
  assert.equal(parse(WHOLE.replace('1.1', '1.5').replace('\r\nSpam', '\r\nDidSet: local\r\nSpam')).kind, 'checked')
})

const NO_REPLIES: readonly [claim: string, text: string, why: string][] = [
  ['nothing', '', 'spamd closed the connection without a reply'],
  ['another protocol', '220 mail.example ESMTP\r\n', 'not a reply of spamd: 220 mail.example ESMTP??'],
  ['a bad request', 'SPAMD/1.0 76 Bad header line: (x)\r\n', 'spamd says 76 Bad header line: (x)'],
  ['no service', 'SPAMD/1.0 69 Service Unavailable: x\r\n', 'spamd says 69 Service Unavailable: x'],
  [
    'a time-out in spamd',
    'SPAMD/1.0 79 Timeout: (300 second timeout)\r\n',
    'spamd says 79 Timeout: (300 second timeout)',
  ],
  ['a reply that ends after its first line', 'SPAMD/1.1 0 EX_OK\r\n', 'the reply of spamd was cut off'],
  ['a reply that ends in its header', WHOLE.slice(0, 45), 'the reply of spamd was cut off'],
  ['a reply that ends in its body', WHOLE.slice(0, -3), 'spamd sent 8 bytes and announced 11'],
  ['a reply with more behind it', `${WHOLE}x`, 'spamd sent 12 bytes and announced 11'],
]

for (const [claim, text, why] of NO_REPLIES) {
  test(`${claim} is no verdict`, () => assert.deepEqual(parse(text), { kind: 'failed', why }))
}

test('a reply without a judgement, or with two, is no verdict', () => {
  const wrong = [
    WHOLE.replace('Spam: True ; 15.0 / 5.0\r\n', ''),
    WHOLE.replace('Spam: True ; 15.0 / 5.0', 'Spam: True ; 15.0 / 5.0\r\nSpam: False ; 0.0 / 5.0'),
    WHOLE.replace('Content-length: 11\r\n', ''),
    WHOLE.replace('True', 'Maybe'),
    WHOLE.replace('15.0', 'nan'),
    WHOLE.replace('15.0', '1e3'),
    WHOLE.replace('/ 5.0', '/'),
    WHOLE.replace('GTUBE,B_ONE', 'GTUBE\r\nB: x'),
    WHOLE.replace('GTUBE,B_ONE', 'GTUBE,,B_ON'),
  ]
  for (const text of wrong) assert.equal(parse(text).kind, 'failed', JSON.stringify(text))
})

test('of 30000 damaged replies none throws, and what is taken is whole', () => {
  const random = randomFrom(5)
  for (let i = 0; i < 30_000; i++) {
    const damaged = mutated(Buffer.from(WHOLE), random)
    const result = parseSymbolsReply(damaged)
    if (result.kind !== 'checked') continue
    assert.ok(Number.isFinite(result.score) && Number.isFinite(result.threshold))
    assert.ok(result.tests.every(name => /^\w+$/.test(name)))
    assert.match(damaged.toString('latin1'), /^SPAMD\/\d+\.\d+ 0 .*\r\n[^]*\r\n\r\n/)
  }
})

test('user names that could add a header, leave a folder or be an option are not given to spamd', () => {
  for (const name of [
    'joe\r\nCompress: zlib',
    'joe\n',
    '',
    '../../etc',
    'a..b',
    'a/b',
    'a\\b',
    '-x',
    'joe smith',
    "o'neil",
    'a;b',
    '\u202ejoe',
    'x'.repeat(321),
  ]) {
    assert.equal(isUserName(name), false, JSON.stringify(name))
    assert.equal(userNameFor(name, 'nobody'), 'nobody')
    assert.throws(() => encodeSymbolsRequest(1, name), RangeError)
  }
})

test('ordinary addresses are given to spamd as they are, UTF-8 ones too', () => {
  for (const name of [
    'joe',
    'joe@example.org',
    'joe.smith+list@example.org',
    'a_b-c=d@example.org',
    'jürgen@bücher.example',
  ]) {
    assert.equal(userNameFor(name, 'nobody'), name)
  }
  assert.ok(encodeSymbolsRequest(1, 'jürgen@x.example').includes(Buffer.from('User: jürgen@x.example\r\n', 'utf8')))
})
