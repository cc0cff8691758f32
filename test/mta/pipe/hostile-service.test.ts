// The C client, built with the address and undefined-behaviour sanitizers, against services that answer nonsense:
// it never reads or writes past a buffer, and never ends in a way that Postfix would not understand.
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { compileInto, run, temporaryFolder } from './maildrop-commands.js'
import { inPieces, oneOf, randomFrom, randomMessage } from './random.js'

const RUNS = 250
const folder = temporaryFolder()
after(() => folder.remove())
const client = compileInto(folder.path, '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all')

const FRAGMENTS = [
  ...['220 x\r\n', '250 ok\r\n', '250-x\r\n', '250 XEXITCODE\r\n', '250-8BITMIME\r\n', '250 SMTPUTF8\r\n'],
  ...[
    '354 go\r\n',
    '550 5.1.1 no (exit 67)\r\n',
    '550-5.1.1 \r\n',
    '554 (exit 0)\r\n',
    '452 (exit 999)\r\n',
    '421\r\n',
  ],
  ...[
    '250 ok (exit 0)\r\n',
    '(exit ',
    '(exit )',
    ')',
    '5.1.1',
    '5.',
    '250',
    '250-',
    '-',
    ' ',
    '\r',
    '\n',
    '\r\n',
    '\0',
    '\xff',
  ],
  ...['x'.repeat(1990), 'x'.repeat(5000), '250-\r\n'.repeat(99), '999 x\r\n', '55', '5.1.1111 x\r\n'],
]
const POLITE = [
  '220 x\r\n',
  '250-x\r\n250-8BITMIME\r\n250 XEXITCODE\r\n',
  '250 ok\r\n250 ok\r\n354 go\r\n',
  '250 ok (exit 0)\r\n',
]

/** Polite for a while, then anything. */
function nonsense(random: () => number): Buffer[] {
  const pieces = POLITE.slice(0, Math.floor(random() * (POLITE.length + 1)))
  const count = Math.floor(random() * 12)
  for (let index = 0; index < count; index++) pieces.push(oneOf(random, FRAGMENTS))
  return inPieces(random, Buffer.from(pieces.join(''), 'latin1'))
}

it(`${RUNS} services that answer nonsense do not break the client`, async () => {
  const seed = Date.now()
  const random = randomFrom(seed)
  const socketPath = join(folder.path, 'hostile.sock')
  const server = createServer(socket => {
    socket.on('error', () => socket.destroy())
    socket.resume()
    for (const piece of nonsense(random)) socket.write(piece)
    setTimeout(() => socket.end(), 5)
  })
  await new Promise<void>(resolve => server.listen(socketPath, resolve))
  for (let count = 0; count < RUNS; count++) {
    const args = ['-d', oneOf(random, ['joe', 'jöe@x', 'a b@c']), ...oneOf(random, [[], ['-f', ''], ['-f', 'ä@b']])]
    const top = oneOf(random, ['', 'Return-Path: ', 'Return-Path: <', 'From x\n', 'Delivered-To: x\n y\n'])
    const stdin = [Buffer.from(top), ...inPieces(random, randomMessage(random))]
    const ran = await run(client, { args: [...args, '--socket', socketPath, '--timeout-seconds', '10'], stdin })
    const about = `seed ${seed}, run ${count}: ${JSON.stringify(ran)}`
    assert.equal(ran.signal, null, about)
    if (ran.exitCode === 0) assert.equal(ran.output, '', about)
    else if (ran.exitCode === 75) assert.match(ran.output, /^4\.\d+\.\d+ .*\n$/, about)
    else {
      assert.ok(ran.exitCode === 67 || ran.exitCode === 77, about)
      assert.match(ran.output, /^5\.\d+\.\d+ .*\n$/, about)
    }
  }
  await new Promise(resolve => server.close(resolve))
})
