// What the world of a recipient answers when the rules ask for the body: pieces that end with a line, nothing left out.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MessageBytes } from '../../mail/spooled.js'
import { DeliveryWorld } from '../../service/delivery-world.js'
import type { DeliveryScene } from '../../service/delivery-world.js'

function worldOf(message: Buffer, bodyStartByte: number, inMemory: boolean): DeliveryWorld {
  const bytes: MessageBytes = {
    sizeBytes: message.length,
    inMemory: inMemory ? message : null,
    read: async (start, end) => message.subarray(start, end),
    stream: async function* (start, end) {
      yield message.subarray(start, end)
    },
  }
  const root = { startByte: bodyStartByte }
  return new DeliveryWorld({
    message: { spooled: { bytes, sizeBytes: message.length }, root },
  } as unknown as DeliveryScene)
}

async function piecesOf(world: DeliveryWorld): Promise<Buffer[]> {
  const pieces: Buffer[] = []
  for (let fromByte: number | null = 0; fromByte !== null;) {
    const { bytes, nextByte } = await world.body({ ask: 'body', fromByte })
    pieces.push(bytes)
    fromByte = nextByte
  }
  return pieces
}

const HEADER = 'Subject: x\n\n'

for (const [name, body] of [
  ['a short body', 'hello\nthere\n'],
  ['an empty body', ''],
  ['many lines', 'a line of words\n'.repeat(20_000)],
  ['a line longer than a piece among others', `short\n${'x'.repeat(300_000)}\nshort again\n`],
  ['one line without an end', 'y'.repeat(3_000_000)],
] as const) {
  for (const inMemory of [true, false]) {
    test(`${name} ${inMemory ? 'in memory' : 'in a file'} is searched whole, in pieces that end with a line`, async () => {
      const pieces = await piecesOf(worldOf(Buffer.from(HEADER + body), HEADER.length, inMemory))
      assert.equal(Buffer.concat(pieces).toString(), body)
      for (const piece of pieces.slice(0, -1)) assert.ok(piece.at(-1) === 0x0a || piece.length === 1024 * 1024)
    })
  }
}
