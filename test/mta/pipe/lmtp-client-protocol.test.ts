// The replies of a service as bytes, and a message as DATA sends it: without a socket.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodePiece, messageEnd, takeReply } from '../../../mta/pipe/lmtp-client-protocol.js'
import { undotted } from './fake-service.js'
import { inPieces, randomFrom, randomMessage } from './random.js'

describe('a reply', () => {
  it('is read only when all of it is there, wherever the packets end', () => {
    const bytes = Buffer.from('550-5.1.1 no\r\n550 5.1.1 such mailbox\r\n503 x\r\n')
    const whole = bytes.indexOf('503')
    for (let length = 0; length < whole; length++)
      assert.equal(takeReply(bytes.subarray(0, length)), 'needsMore', `${length} bytes`)
    for (let length = whole; length <= bytes.length; length++) {
      const taken = takeReply(bytes.subarray(0, length))
      assert.ok(typeof taken === 'object')
      assert.deepEqual(taken.reply, { code: 550, lines: ['5.1.1 no', 'such mailbox'] })
      assert.deepEqual(taken.rest, bytes.subarray(whole, length))
    }
  })

  it('of no end is given up', () => {
    assert.equal(takeReply(Buffer.from(`220 ${'x'.repeat(1900)}`)), 'needsMore')
    assert.equal(takeReply(Buffer.from(`220 ${'x'.repeat(2100)}`)), 'unreadable')
  })
})

describe('a message as DATA sends it', () => {
  it('never holds the end of the message before its end, and can be read back', () => {
    const random = randomFrom(7)
    for (let count = 0; count < 500; count++) {
      const message = randomMessage(random)
      const wire: Buffer[] = []
      let atLineStart = true
      for (const piece of inPieces(random, message)) {
        const encoded = encodePiece(piece, atLineStart)
        wire.push(encoded.bytes)
        atLineStart = encoded.atLineStart
      }
      wire.push(Buffer.from(messageEnd(atLineStart)))
      const sent = Buffer.concat([Buffer.from('\r\n'), ...wire])
      const end = sent.indexOf('\r\n.\r\n')
      assert.equal(sent.toString('latin1', end), '\r\n.\r\nQUIT\r\n')
      const back = undotted(sent.subarray(2, end + 2))
      assert.ok(back.equals(atLineStart ? message : Buffer.concat([message, Buffer.from('\n')])))
    }
  })
})
