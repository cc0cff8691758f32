// Through the `maildrop` command and our own LMTP server, a message comes out as it went in, byte by byte.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Arrival } from '../../../mail/arrival.js'
import { formatAddress } from '../../../mail/address.js'
import type { Envelope } from '../../../mail/envelope.js'
import type { Outcome } from '../../../mail/outcome.js'
import { createLmtpServer } from '../../../mta/lmtp/server.js'
import { lmtpSettings } from '../../../mta/lmtp/settings.js'
import { submitOverLmtp } from '../../../mta/pipe/lmtp-client.js'
import { createSpool } from '../../../mta/spool.js'
import { spoolSettings } from '../../../mta/spool-settings.js'
import { compileInto, nodeCommand, run, temporaryFolder } from './maildrop-commands.js'
import type { MaildropCommand } from './maildrop-commands.js'
import { inPieces, randomFrom, randomMessage } from './random.js'

const folder = temporaryFolder()
const socketPath = join(folder.path, 'lmtp.sock')
const logged: string[] = []
let arrived: { bytes: Buffer; envelope: Envelope } | null = null
let outcome: Outcome = { kind: 'delivered', text: 'delivered' }

const arrival: Arrival = {
  checkRecipient: recipient =>
    Promise.resolve(
      recipient.localPart === 'nobody'
        ? { kind: 'noSuchMailbox', text: 'no such mailbox' }
        : { kind: 'delivered', text: 'ok' },
    ),
  handleMessage: async (spooled, envelope) => {
    arrived = { bytes: await spooled.bytes.read(0, spooled.sizeBytes), envelope }
    return envelope.recipients.map(() => outcome)
  },
}

const server = createLmtpServer({
  arrival,
  spool: createSpool(spoolSettings.parse({ directory: folder.path, maxMessageBytes: 1024 * 1024 })),
  hostName: 'mail.example.org',
  settings: lmtpSettings.parse({}),
  log: (level, text) => {
    if (level !== 'info') logged.push(text)
  },
})

before(() => server.listen({ kind: 'unix', path: socketPath }))
after(async () => {
  await server.close({ graceMs: 1000 })
  folder.remove()
})

function withFinalNewline(message: Buffer): Buffer {
  return message.at(-1) === 0x0a ? message : Buffer.concat([message, Buffer.from('\n')])
}

const cClient = compileInto(folder.path)

const forms: [command: MaildropCommand, messages: number][] = [
  [cClient, 150],
  [nodeCommand, 6],
]
for (const [command, messages] of forms)
  describe(`through the service, by ${command.name}`, () => {
    const args = ['-d', 'joe@example.org', '-f', 'ann@example.net', '--socket', socketPath]

    it(`${messages} random messages come out as they went in`, async () => {
      const seed = Date.now()
      const random = randomFrom(seed)
      for (let count = 0; count < messages; count++) {
        const message = randomMessage(random)
        arrived = null
        const ran = await run(command, { args, stdin: inPieces(random, message) })
        assert.deepEqual(ran, { exitCode: 0, signal: null, output: '' }, `seed ${seed}, message ${count}`)
        assert.ok(arrived!.bytes.equals(withFinalNewline(message)), `seed ${seed}, message ${count}`)
      }
      assert.deepEqual(logged, [])
    })

    it('the envelope says who, and that it came by the pipe', async () => {
      await run(command, { args: ['-d', 'joe smith', '-f', 'änn@example.net', '--socket', socketPath] })
      const { sender, recipients, client } = arrived!.envelope
      assert.equal(formatAddress(sender!), 'änn@example.net')
      assert.deepEqual(recipients, [{ address: { localPart: 'joe smith', domain: '' } }])
      assert.deepEqual([client.arrival, client.peer], ['pipe', 'unix'])
    })

    it('an unknown recipient, a refusal, and a message too large have their exit codes', async () => {
      const unknown = await run(command, { args: ['-d', 'nobody', '-f', '', '--socket', socketPath] })
      assert.deepEqual([unknown.exitCode, unknown.output], [67, '5.1.1 no such mailbox\n'])
      outcome = { kind: 'refused', text: '5.3.0 as the filter says', exitCode: 1 }
      const refused = await run(command, { args })
      outcome = { kind: 'delivered', text: 'delivered' }
      assert.deepEqual([refused.exitCode, refused.output], [1, '5.3.0 as the filter says\n'])
      const large = await run(command, { args, stdin: Buffer.alloc(2_000_000, 'x\n') })
      assert.equal(large.exitCode, 69)
      assert.match(large.output, /^5\.3\.4 /)
      assert.deepEqual(logged, [])
    })
  })

describe('through the service, by the LMTP client', () => {
  it('200 random messages come out as they went in', async () => {
    const seed = Date.now()
    const random = randomFrom(seed)
    for (let count = 0; count < 200; count++) {
      const message = randomMessage(random)
      const pieces = inPieces(random, message)
      const input = (async function* () {
        yield* pieces
      })()
      arrived = null
      const submitted = await submitOverLmtp({ socketPath, sender: null, recipient: 'joe', input, timeoutMs: 10_000 })
      assert.deepEqual(submitted, { kind: 'answered', exitCode: 0, text: '' }, `seed ${seed}, message ${count}`)
      assert.ok(arrived!.bytes.equals(withFinalNewline(message)), `seed ${seed}, message ${count}`)
    }
  })
})
