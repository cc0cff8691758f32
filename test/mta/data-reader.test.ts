import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DataReader } from '../../mta/lmtp/data-reader.js'
import { randomFrom } from '../filters/random.js'

type Read = { kind: 'end' | 'bareLf' | 'more'; body: string; rest: string; wireBytes: number }

/** What RFC 5321 4.5.2 says, in the plainest way: over the whole text at once. */
function expected(wire: string): Read {
  const bareLf = /(?<!\r)\n/.exec(wire)?.index ?? Infinity
  const end = wire.startsWith('.\r\n') ? 0 : wire.indexOf('\r\n.\r\n') + 2
  if (bareLf < end + 2) return { kind: 'bareLf', body: '', rest: '', wireBytes: 0 }
  const stuffed = wire.slice(0, end).split('\r\n')
  const lines = stuffed.map(line => line.replace(/^\./, ''))
  return { kind: 'end', body: lines.join('\n'), rest: wire.slice(end + 3), wireBytes: lines.join('\r\n').length }
}

function read(pieces: readonly string[]): Read {
  const reader = new DataReader()
  const body: Buffer[] = []
  for (const [index, text] of pieces.entries()) {
    const chunk = Buffer.from(`<${text}`, 'latin1')
    const step = reader.read(chunk, 1)
    body.push(Buffer.from(step.piece))
    assert.equal(chunk[0], 0x3c, 'what stands before the first byte is not touched')
    if (step.kind === 'bareLf') return { kind: 'bareLf', body: '', rest: '', wireBytes: 0 }
    if (step.kind === 'end') {
      const rest = chunk.toString('latin1', step.nextByte) + pieces.slice(index + 1).join('')
      return { kind: 'end', body: Buffer.concat(body).toString('latin1'), rest, wireBytes: reader.wireBytes }
    }
    assert.equal(step.nextByte, chunk.length)
  }
  return { kind: 'more', body: Buffer.concat(body).toString('latin1'), rest: '', wireBytes: reader.wireBytes }
}

function allTexts(alphabet: string, length: number): string[] {
  if (length === 0) return ['']
  return allTexts(alphabet, length - 1).flatMap(text => Array.from(alphabet, letter => text + letter))
}

test('every message of six bytes out of CR, LF, dot and a letter reads as RFC 5321 says, cut at every position', () => {
  for (const text of allTexts('\r\n.a', 6)) {
    const wire = `${text}\r\n.\r\nNOOP\r\n`
    const wanted = expected(wire)
    assert.deepEqual(read([wire]), wanted, JSON.stringify(wire))
    assert.deepEqual(read(Array.from(wire)), wanted, `${JSON.stringify(wire)} in single bytes`)
    for (let cut = 1; cut < text.length + 5; cut++) {
      const pieces = [wire.slice(0, cut), wire.slice(cut)]
      assert.deepEqual(read(pieces), wanted, JSON.stringify(pieces))
    }
  }
})

test('longer messages read the same however their bytes are cut', () => {
  const random = randomFrom(7)
  const atoms = ['\r\n', '\r\n', '\r\n.', '\r\n..', '.', '\r', 'some words of text', '\x00\xff', 'x'.repeat(200)]
  for (let round = 0; round < 2000; round++) {
    let wire = ''
    for (let count = random() * 40; count > 0; count--) wire += atoms[Math.floor(random() * atoms.length)]!
    wire += '\r\n.\r\nQUIT\r\n'
    const pieces: string[] = []
    for (let from = 0; from < wire.length;) {
      const to = from + 1 + Math.floor(random() ** 3 * 300)
      pieces.push(wire.slice(from, to))
      from = to
    }
    assert.deepEqual(read(pieces), expected(wire), JSON.stringify(pieces))
  }
})

test('a message that has not ended is not taken for one that has', () => {
  for (const wire of ['.', '.\r', '\r\n.', '\r\n.\r', 'a\r\n.\r', 'a.\r\n', '..\r\n', 'a\r.\r\n', '']) {
    assert.equal(read([wire]).kind, 'more', JSON.stringify(wire))
    assert.equal(read(Array.from(wire)).kind, 'more', `${JSON.stringify(wire)} in single bytes`)
  }
})
