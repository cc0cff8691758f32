// clamd's requests and replies as values.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  encodeChunkLength,
  encodeCommand,
  END_OF_STREAM,
  parseScanReply,
  parseVersionReply,
  type ScanResult,
} from '../../filters/clamd/protocol.js'
import { mutated, randomFrom } from './random.js'

const reply = (text: string) => Buffer.from(text, 'latin1')

test('commands are sent in the NUL-terminated form', () => {
  assert.deepEqual(encodeCommand('INSTREAM'), reply('zINSTREAM\0'))
  assert.deepEqual(encodeCommand('PING'), reply('zPING\0'))
})

test('a chunk is preceded by its length in network order, and length 0 is kept for the end', () => {
  assert.deepEqual(encodeChunkLength(65536), Buffer.from([0, 1, 0, 0]))
  assert.deepEqual(encodeChunkLength(0xffff_ffff), Buffer.from([255, 255, 255, 255]))
  assert.deepEqual(END_OF_STREAM, Buffer.from([0, 0, 0, 0]))
  assert.throws(() => encodeChunkLength(0), RangeError)
  assert.throws(() => encodeChunkLength(2 ** 32), RangeError)
})

const REPLIES: readonly [claim: string, reply: string, result: ScanResult][] = [
  ['OK is clean', 'stream: OK\0', { kind: 'clean' }],
  ['FOUND names the virus', 'stream: Eicar-Signature FOUND\0', { kind: 'infected', name: 'Eicar-Signature' }],
  [
    'a name keeps its hash and size (ExtendedDetectionInfo)',
    'stream: Win.Test(44d88612fea8a8f36de82e1278abb02f:68) FOUND\0',
    { kind: 'infected', name: 'Win.Test(44d88612fea8a8f36de82e1278abb02f:68)' },
  ],
  ['a virus called OK is still a virus', 'stream: OK FOUND\0', { kind: 'infected', name: 'OK' }],
  ['past StreamMaxLength it is too large', 'INSTREAM size limit exceeded. ERROR\0', { kind: 'tooLarge' }],
  [
    'an error of the engine is no verdict',
    "stream: Can't allocate memory ERROR\0",
    { kind: 'failed', why: "clamd says stream: Can't allocate memory ERROR" },
  ],
  [
    'a time-out of clamd is no verdict',
    'COMMAND READ TIMED OUT\0',
    { kind: 'failed', why: 'clamd says COMMAND READ TIMED OUT' },
  ],
  [
    'a command it does not know is no verdict',
    'UNKNOWN COMMAND\0',
    { kind: 'failed', why: 'clamd says UNKNOWN COMMAND' },
  ],
  ['no reply is no verdict', '', { kind: 'failed', why: 'clamd closed the connection without a reply' }],
  ['half a reply is no verdict', 'stream: O', { kind: 'failed', why: 'not a reply of clamd: stream: O' }],
  ['OK without its NUL is no verdict', 'stream: OK', { kind: 'failed', why: 'not a reply of clamd: stream: OK' }],
  [
    'OK with more behind it is no verdict',
    'stream: OK\0x',
    { kind: 'failed', why: 'not a reply of clamd: stream: OK?x' },
  ],
  [
    'two replies are no verdict',
    'stream: OK\0stream: OK\0',
    { kind: 'failed', why: 'not a reply of clamd: stream: OK?stream: OK?' },
  ],
  [
    'the line form is not what we asked for',
    'stream: OK\n',
    { kind: 'failed', why: 'not a reply of clamd: stream: OK?' },
  ],
  ['OK with a blank too many is no verdict', 'stream: OK \0', { kind: 'failed', why: 'clamd says stream: OK ' }],
  ['the reply to another command is no verdict', 'fd[10]: OK\0', { kind: 'failed', why: 'clamd says fd[10]: OK' }],
  ['FOUND without a name is no verdict', 'stream:  FOUND\0', { kind: 'failed', why: 'clamd says stream:  FOUND' }],
  [
    'a name with control characters is no verdict',
    'stream: a\nb FOUND\0',
    { kind: 'failed', why: 'not a reply of clamd: stream: a?b FOUND?' },
  ],
]

for (const [claim, text, result] of REPLIES) {
  test(claim, () => assert.deepEqual(parseScanReply(reply(text), true), result))
}

test('OK to half a stream is no verdict, a virus in half a stream is one', () => {
  assert.equal(parseScanReply(reply('stream: OK\0'), false).kind, 'failed')
  assert.equal(parseScanReply(reply('stream: X FOUND\0'), false).kind, 'infected')
})

test('VERSION gives the engine, and the daily database with its date', () => {
  assert.deepEqual(parseVersionReply(reply('ClamAV 1.4.6/27779/Tue Jul  8 08:35:31 2025\0')), {
    engine: '1.4.6',
    databaseVersion: 27779,
    databaseDate: new Date(2025, 6, 8, 8, 35, 31),
  })
})

test('VERSION without a daily database has no date', () => {
  assert.deepEqual(parseVersionReply(reply('ClamAV 1.4.6\0')), {
    engine: '1.4.6',
    databaseVersion: null,
    databaseDate: null,
  })
})

test('a date that clamd did not write is null, the rest is kept', () => {
  for (const date of [
    'yesterday',
    'Tue Jux  8 08:35:31 2025',
    'Tue Jul 32 08:35:31 2025',
    'Tue Jul  8 25:35:31 2025',
  ]) {
    assert.deepEqual(parseVersionReply(reply(`ClamAV 1.4.6/27779/${date}\0`)), {
      engine: '1.4.6',
      databaseVersion: 27779,
      databaseDate: null,
    })
  }
})

test('what is no VERSION reply is null', () => {
  for (const text of [
    '',
    'ClamAV 1.4.6',
    'PONG\0',
    'ClamAV \0',
    'ClamAV 1.4.6/27779\0',
    'ClamAV 1.4.6/27779/\0',
    'COMMAND UNAVAILABLE\0',
  ]) {
    assert.equal(parseVersionReply(reply(text)), null, JSON.stringify(text))
  }
})

test('of 30000 damaged replies none is clean but the exact one, and none throws', () => {
  const random = randomFrom(20261120)
  const seeds = [
    'stream: OK\0',
    'stream: Eicar FOUND\0',
    'INSTREAM size limit exceeded. ERROR\0',
    'ClamAV 1.4.6/27779/Tue Jul  8 08:35:31 2025\0',
  ]
  for (let i = 0; i < 30_000; i++) {
    const damaged = mutated(reply(seeds[i % seeds.length]!), random)
    const result = parseScanReply(damaged, true)
    assert.equal(
      result.kind === 'clean',
      damaged.toString('latin1') === 'stream: OK\0',
      JSON.stringify(damaged.toString('latin1')),
    )
    const version = parseVersionReply(damaged)
    assert.ok(!version?.databaseDate || !Number.isNaN(version.databaseDate.getTime()))
  }
})
