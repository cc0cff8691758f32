// Random sessions: whatever a client sends, every command gets exactly one well-formed reply, nothing throws, and a
// message is only taken for recipients that were accepted for it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome } from '../../mail/outcome.js'
import { LmtpSession } from '../../mta/lmtp/session.js'
import { randomFrom, mutated } from '../filters/random.js'
import { openLmtpHouse } from './lmtp-house.js'
import { Wire } from './wire.js'

const COMMANDS = [
  'LHLO client.test',
  'MAIL FROM:<joe@example.org> SIZE=10 BODY=8BITMIME SMTPUTF8',
  'MAIL FROM:<> XEXITCODE',
  'MAIL FROM:<"a \\" b>"@example.org>',
  'RCPT TO:<anna@example.net>',
  'RCPT TO:<änne@example.net>',
  'RCPT TO:<@a,@b:anna@[192.0.2.1]>',
  'RCPT TO:<bert>',
  'DATA',
  'DATA',
  'RSET',
  'NOOP',
  'VRFY anna',
]
const ONE_REPLY = /^(?:\d{3}-[\x20-\x7e]+\r\n)*\d{3} [\x20-\x7e]+\r\n$/

test('random commands never break a session', () => {
  const random = randomFrom(2033)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  let taken = 0
  for (let round = 0; round < 3000; round++) {
    const session = new LmtpSession({
      hostName: 'mx.test',
      maxRecipients: 3,
      maxMessageBytes: 1000,
      offersExitCodes: random() < 0.5,
      peer: 'unix',
    })
    let accepted = 0
    session.command(Buffer.from('LHLO client.test'))
    for (let count = 0; count < 40; count++) {
      const plain = Buffer.from(pick(COMMANDS))
      const line = random() < 0.4 ? mutated(plain, random) : plain
      const step = session.command(line)
      const about = `round ${round}, ${JSON.stringify(line.toString('latin1'))}`
      if (step.kind === 'checkRecipient') {
        const outcome: Outcome = { kind: random() < 0.7 ? 'delivered' : 'noSuchMailbox', text: 'x\r\n250 forged' }
        const reply = session.recipientChecked(step.recipient, outcome)
        assert.match(reply, ONE_REPLY, about)
        accepted += reply.startsWith('250') ? 1 : 0
        continue
      }
      assert.match(step.text, ONE_REPLY, about)
      if (step.kind === 'hangUp') break
      if (step.kind === 'reply' && /^250[ -](2\.1\.0|mx|2\.0\.0)/.test(step.text)) {
        if (!/^noop/i.test(line.toString())) accepted = 0
      }
      if (step.kind !== 'receive') continue
      const { recipients } = session.envelope()
      assert.equal(recipients.length, accepted, about)
      assert.ok(accepted > 0 && accepted <= 3, about)
      const replies = session.messageDone(recipients.map(() => ({ kind: 'refused', text: '5.7.1\r\n250 forged' })))
      assert.equal(replies.split('\r\n').length - 1, accepted, about)
      taken++
      accepted = 0
    }
  }
  assert.ok(taken > 500, `only ${taken} messages got through`)
})

test('random bytes never break the server', async () => {
  const random = randomFrom(5321)
  const house = await openLmtpHouse()
  const session = Buffer.from(
    'LHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<anna@c>\r\nDATA\r\nSubject: x\r\n\r\n..\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<x@c>\r\nDATA\r\n.\r\n',
  )
  const clients = Array.from({ length: 300 }, async () => {
    const wire = await Wire.open(house.address)
    const bytes = mutated(session, random)
    const cut = Math.floor(random() * bytes.length)
    wire.send(bytes.subarray(0, cut))
    wire.socket.end(bytes.subarray(cut))
    for (const line of (await wire.rest()).split('\r\n').slice(0, -1)) assert.match(line, /^\d{3}[ -][\x20-\x7e]+$/)
    wire.close()
  })
  await Promise.all(clients)
  assert.deepEqual(
    house.logged.filter(line => line.startsWith('error')),
    [],
  )
  for (const { body } of house.table.handed) assert.doesNotMatch(body.toString('latin1'), /(^|[^\r])\r\n\.\r\n/)
  const wire = await house.client()
  assert.equal(await wire.ask('NOOP'), '250 2.0.0 ok')
  wire.close()
  await house.stop()
})
