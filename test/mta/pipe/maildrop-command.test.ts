// Without a service the same command delivers in its own process, and is given all of the message.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runMaildrop } from '../../../mta/pipe/maildrop-command.js'
import type { Delivery, Ending } from '../../../mta/pipe/maildrop-command.js'

const MESSAGE = 'Return-Path: <ann@example.net>\nSubject: x\n\nhello\n'

async function* inSingleBytes(text: string): AsyncGenerator<Buffer> {
  for (const byte of Buffer.from(text)) yield await Promise.resolve(Buffer.of(byte))
}

type Deliver = (delivery: Delivery, message: string) => Promise<Ending>

function maildrop(argv: readonly string[], deliver: Deliver, environment = {}, message = MESSAGE): Promise<Ending> {
  return runMaildrop({
    argv: [...argv, '--socket', '/nowhere/lmtp.sock'],
    environment,
    version: '1.2.3',
    input: () => inSingleBytes(message),
    deliverInProcess: async delivery => {
      const pieces: Buffer[] = []
      for await (const piece of delivery.input) pieces.push(piece)
      return deliver(delivery, Buffer.concat(pieces).toString())
    },
  })
}

describe('without a service', () => {
  const cases: [
    claim: string,
    argv: readonly string[],
    environment: object,
    sender: string | null,
    config: string | null,
  ][] = [
    ['the sender stands in the message', ['-d', 'joe'], {}, 'ann@example.net', null],
    ['the sender stands on the command line', ['-d', 'joe', '-f', 'bob@example.net'], {}, 'bob@example.net', null],
    ['the null sender too', ['-djoe', '-f', ''], {}, null, null],
    [
      'the settings stand on the command line',
      ['-d', 'joe', '-f', '', '--config=/a'],
      { MAILWEIR_CONFIG: '/b' },
      null,
      '/a',
    ],
    ['the settings stand in the environment', ['-d', 'joe', '-f', ''], { MAILWEIR_CONFIG: '/b' }, null, '/b'],
  ]
  for (const [claim, argv, environment, sender, config] of cases)
    it(`${claim}, and the message is whole`, async () => {
      let seen: unknown = null
      const ending = await maildrop(
        argv,
        async ({ recipient, sender, configPath }, message) => {
          seen = { recipient, sender, configPath, message }
          return { exitCode: 77, text: '5.7.1 no\n' }
        },
        environment,
      )
      assert.deepEqual(ending, { exitCode: 77, text: '5.7.1 no\n' })
      assert.deepEqual(seen, { recipient: 'joe', sender, configPath: config, message: MESSAGE })
    })

  it('a delivery that takes too long means later', async () => {
    const argv = ['-d', 'joe', '--timeout-seconds', '1']
    const ending = await maildrop(argv, () => new Promise(() => undefined))
    assert.equal(ending.exitCode, 75)
    assert.match(ending.text, /^4\.3\.0 .*in time/)
  })
})
