// Messages broken at random, from a seed: reading never throws, ranges lie inside the message and in order, and it makes no
// difference whether the message is in memory or in a file.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Part } from '../../../mail/part.js'
import { bytesInFile, bytesInMemory, bytesOf, contentOf, leavesOf, structureBothWays } from './both-ways.js'

const ROUNDS = 2500

/** mulberry32: the same numbers in every run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const PIECES = [
  '\n',
  '\n\n',
  '\r',
  '\r\n',
  ' ',
  '\t',
  '\0',
  '--',
  '--b',
  '--b\n',
  '--b--\n',
  '--bc\n',
  '--\n',
  '=',
  '==',
  ';',
  ':',
  '"',
  '(',
  ')',
  '\\',
  "'",
  '\xe9',
  '%41',
  'Content-Type: ',
  'Content-Type: multipart/mixed; boundary=b\n',
  'Content-Type: multipart/digest; boundary="bc"\n\n',
  'Content-Type: message/rfc822\n\n',
  'boundary=',
  'boundary*0=b; boundary*1=c',
  'Content-Transfer-Encoding: base64\n',
  'Content-Transfer-Encoding: quoted-printable\n\n',
  'Content-Transfer-Encoding: x-uuencode\n\n',
  'Content-Transfer-Encoding: binhex\n\n',
  'Content-Disposition: attachment; filename="=?utf-8?q?a?="\n',
  'From me\n',
  'begin 644 x.exe\n#86)C\n`\nend\n',
  '(This file must be converted with BinHex 4.0)\n\n:"abc:\n',
  '\nbegin-base64 644 y\nQUJD\n====\n',
  'QUJDREVG\n',
  'UEsD=QUJD',
  '=3D=\n',
  ' \n',
]

const SEEDS = [
  'Subject: x\n\nhello\n',
  'Content-Type: multipart/mixed; boundary=b\n\nintro\n--b\nContent-Type: text/plain\n\nhi\n--b\nContent-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: base64\n\nUEsDBBQAAAA=\n--b--\nend\n',
  'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=bc\n\n--bc\n\na\n--bc\nContent-Type: text/html\n\n<p>\n--bc--\n--b\nContent-Type: message/rfc822\n\nSubject: y\nContent-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: z\n\nhi\n--d--\n--b--\n',
  'Subject: x\n\nbegin 644 run.exe\n#86)C\n`\nend\n\n(This file must be converted with BinHex 4.0)\n\n:#(*cG"6593K):\n',
]

function broken(seed: string, random: (below: number) => number): string {
  let mail = seed
  for (let times = 1 + random(6); times > 0; times--) {
    const at = random(mail.length + 1)
    const length = random(4) === 0 ? random(40) : 0
    const piece =
      random(5) === 0 ? mail.slice(random(mail.length), random(mail.length)) : (PIECES[random(PIECES.length)] ?? '')
    mail = mail.slice(0, at) + piece + mail.slice(at + length)
  }
  return mail
}

function assertInside(part: Part, startByte: number, endByte: number): void {
  assert.ok(
    part.startByte >= startByte && part.endByte <= endByte && part.startByte <= part.endByte,
    JSON.stringify(part),
  )
  let from = part.startByte
  for (const inner of part.parts) {
    assertInside(inner, from, part.endByte)
    from = inner.endByte
  }
}

test('broken messages are read without a throw, inside their bounds, and alike from memory and file', async () => {
  const random = randomFrom(20241)
  for (let round = 0; round < ROUNDS; round++) {
    const mail = broken(SEEDS[round % SEEDS.length] ?? '', random)
    const bytes = bytesOf(mail)
    try {
      const { root, otherReadings, header } = await structureBothWays(bytes)
      assertInside(root, 0, bytes.length)
      for (const part of otherReadings) assertInside(part, 0, bytes.length)
      for (const part of otherReadings) assert.match(part.number, /~$/)
      for (const field of header.fields) assert.ok(field.startByte < field.endByte && field.endByte <= header.endByte)
      for (const part of [...leavesOf(root), ...otherReadings]) {
        assert.deepEqual(
          await contentOf(bytesInFile(bytes, 1 + random(9)), part),
          await contentOf(bytesInMemory(bytes), part),
        )
      }
    } catch (error) {
      throw new Error(`round ${round}: ${JSON.stringify(mail)}`, { cause: error })
    }
  }
})

test('bytes without any order are read too', async () => {
  const random = randomFrom(7)
  const alphabet = 'CcontenT-ype:\n\r\t =;"b-\0\xff'
  for (let round = 0; round < 500; round++) {
    const mail = Array.from({ length: random(400) }, () => alphabet[random(alphabet.length)]).join('')
    assertInside((await structureBothWays(mail)).root, 0, mail.length)
  }
})

test('a boundary is seen wherever the windows of a file are cut', async () => {
  const window = 4 * 64 * 1024
  const head = 'Content-Type: multipart/mixed; boundary=b\n\n--b\n\n'
  for (const end of [window - 1024, window, 2 * (window - 1024)]) {
    for (let shift = -8; shift <= 8; shift++) {
      const mail = `${head}${'a'.repeat(end + shift - head.length)}\n--b\n\nsecond\r--b\n\n${'c'.repeat(1500)}\n--b--\n`
      const { root, otherReadings } = await structureBothWays(mail)
      const sizeOf = (part: Part) => part.endByte - part.startByte
      assert.deepEqual(root.parts.map(sizeOf), [end + shift - head.length, 1512])
      assert.deepEqual(otherReadings.map(sizeOf), [6, 1500])
    }
  }
})
