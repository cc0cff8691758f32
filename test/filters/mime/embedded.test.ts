// Files in the middle of text, and the encodings of other times.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { structureOfContent } from '../../../filters/mime/parse-message.js'
import { bytesInMemory, bytesOf, contentOf, leavesOf, structureBothWays, whatsOf } from './both-ways.js'

const PAYLOAD = 'MZ\x90\x00 a program, longer than the forty-five bytes that one uuencoded line can hold \xff\x00\x01'

function uuencoded(text: string): string {
  const bytes = bytesOf(text)
  let lines = ''
  for (let start = 0; start < bytes.length; start += 45) {
    const line = bytes.subarray(start, start + 45)
    lines += character(line.length)
    for (let at = 0; at < line.length; at += 3) {
      const bits = (line[at]! << 16) | ((line[at + 1] ?? 0) << 8) | (line[at + 2] ?? 0)
      lines += [18, 12, 6, 0].map(shift => character((bits >> shift) & 63)).join('')
    }
    lines += '\n'
  }
  return `${lines}\`\n`
}

function character(value: number): string {
  return value === 0 ? '`' : String.fromCharCode(value + 32)
}

const ALPHABET = '!"#$%&\'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr'

function binhexed(name: string, data: string): string {
  const number = (value: number) =>
    String.fromCharCode((value >> 24) & 255, (value >> 16) & 255, (value >> 8) & 255, value & 255)
  const head = `${String.fromCharCode(name.length)}${name}\0APPLMACS\0\0${number(data.length)}${number(0)}\0\0`
  // "aaaa" as a run, and 0x90 itself doubled with a zero.
  const packed = bytesOf(`${head}${data}\0\0\0\0`)
    .toString('latin1')
    .replaceAll('\x90', '\x90\0')
    .replaceAll('aaaaa', 'a\x90\x05')
  const bits = [...bytesOf(packed)].map(byte => byte.toString(2).padStart(8, '0')).join('')
  const characters = (bits.match(/.{1,6}/g) ?? []).map(six => ALPHABET[parseInt(six.padEnd(6, '0'), 2)]).join('')
  return `(This file must be converted with BinHex 4.0)\n\n:${characters.replace(/.{64}/g, '$&\n')}:\n`
}

const UU = `begin 644 dir/run.exe\n${uuencoded(PAYLOAD)}end\n`

async function othersOf(mail: string): Promise<{ content: string; name: string | null; number: string }[]> {
  const structure = await structureBothWays(mail)
  const bytes = bytesInMemory(bytesOf(mail))
  const parts = structure.otherReadings.map(async part => ({
    content: (await contentOf(bytes, part)).toString('latin1'),
    name: part.fileName,
    number: part.number,
  }))
  return Promise.all(parts)
}

test('a uuencoded file in plain text is a part of another reading, with its name', async () => {
  const mail = `Subject: x\n\nhello,\n${UU}bye\n`
  assert.deepEqual(await othersOf(mail), [{ content: PAYLOAD, name: 'run.exe', number: '1~' }])
  assert.deepEqual(whatsOf(await structureBothWays(mail)), ['a uuencoded file in text'])
})

test('two uuencoded files in one text are two parts', async () => {
  const found = await othersOf(`Subject: x\n\n${UU}and\n${UU.replace('run', 'two')}`)
  assert.deepEqual(
    found.map(file => [file.name, file.content]),
    [
      ['run.exe', PAYLOAD],
      ['two.exe', PAYLOAD],
    ],
  )
})

test('a uuencoded file in an inner part, in the preamble and after CRs is found', async () => {
  const multipart = 'Content-Type: multipart/mixed; boundary=b\n\n'
  const inner = await othersOf(`${multipart}--b\n\n${UU}--b--\n`)
  assert.deepEqual(
    inner.map(file => [file.content, file.number]),
    [[PAYLOAD, '1~']],
  )
  assert.deepEqual(
    (await othersOf(`${multipart}${UU}--b\n\nhi\n--b--\n`)).map(file => file.content),
    [PAYLOAD],
  )
  const withCrs = await othersOf(`Subject: x\r\rhello\r${UU.replaceAll('\n', '\r')}`)
  assert.ok(
    withCrs.some(file => file.content === PAYLOAD),
    JSON.stringify(withCrs),
  )
})

test('a uuencoded file whose mode has one digit, or a name with blanks around it, is found', async () => {
  for (const begin of ['begin 6 run.exe', 'begin 0 \t run.exe \t ']) {
    const mail = `Subject: x\n\nhello,\n${UU.replace('begin 644 dir/run.exe', begin)}bye\n`
    assert.deepEqual(await othersOf(mail), [{ content: PAYLOAD, name: 'run.exe', number: '1~' }])
  }
})

test('prose that has "begin 2024 with" at the start of a line is prose', async () => {
  const structure = await structureBothWays(
    'Subject: x\n\nWe will\nbegin 2024 with a party,\nThat everybody likes,\nAnd so on.\nBye\n',
  )
  assert.deepEqual(structure.oddities, [])
})

test('a file in text in the base64 form of uuencode is found', async () => {
  const found = await othersOf(`Subject: x\n\nbegin-base64 644 run.exe\n${bytesOf(PAYLOAD).toString('base64')}\n====\n`)
  assert.deepEqual(found[0], { content: PAYLOAD, name: 'run.exe', number: '1~' })
})

test('uuencode as transfer encoding is undone, with and without its begin line', async () => {
  for (const body of [UU, uuencoded(PAYLOAD), `\nsome words\n${UU}more words\n`]) {
    const mail = `Content-Type: application/x-msdownload; name=run.exe\nContent-Transfer-Encoding: x-uuencode\n\n${body}`
    const structure = await structureBothWays(mail)
    assert.equal((await contentOf(bytesInMemory(bytesOf(mail)), structure.root)).toString('latin1'), PAYLOAD)
    assert.deepEqual(structure.oddities, [])
  }
})

test('a gateway that cuts blanks off uuencoded lines does no harm', async () => {
  const mail = `Content-Transfer-Encoding: uuencode\n\nbegin 644 x\n${uuencoded(`${PAYLOAD}\0\0\0`).replaceAll('`', ' ').replace(/ +$/gm, '')}\nend\n`
  const { root } = await structureBothWays(mail)
  assert.equal((await contentOf(bytesInMemory(bytesOf(mail)), root)).toString('latin1'), `${PAYLOAD}\0\0\0`)
})

test('a BinHex file in text is a part of another reading, with its name; runs and 0x90 come out right', async () => {
  const data = `${PAYLOAD} ${'a'.repeat(25)}`
  const found = await othersOf(`Subject: x\n\nhello\n${binhexed('run.exe', data)}bye\n`)
  assert.deepEqual(found, [{ content: data, name: 'run.exe', number: '1~' }])
})

test('BinHex as media type or transfer encoding is undone', async () => {
  for (const header of ['Content-Type: application/mac-binhex40', 'Content-Transfer-Encoding: x-binhex40']) {
    const mail = `${header}\n\n${binhexed('run.exe', PAYLOAD)}`
    const { root, oddities } = await structureBothWays(mail)
    assert.equal(root.encoding, 'binhex')
    assert.equal((await contentOf(bytesInMemory(bytesOf(mail)), root)).toString('latin1'), PAYLOAD)
    assert.deepEqual(oddities, [])
  }
})

test('a yEnc file in text is noted: it is not decoded', async () => {
  const structure = await structureBothWays('Subject: x\n\n=ybegin line=128 size=3 name=run.exe\nabc\n=yend size=3\n')
  assert.deepEqual(whatsOf(structure), ['a yEnc file in text, not decoded'])
})

test('what comes out of a transfer encoding can be looked at again: a message, a multipart, text with files', async () => {
  const part = 'Content-Type: application/zip\nContent-Transfer-Encoding: base64\n\nQUJD\n'
  const message = await structureOfContent(bytesInMemory(bytesOf(part)), 'message/rfc822')
  assert.equal(message.root.mediaType, 'application/zip')
  const multipart = await structureOfContent(bytesInMemory(bytesOf(`--b\n${part}--b--\n`)), 'multipart/mixed')
  assert.ok(multipart.otherReadings.some(leaf => leaf.mediaType === 'application/zip'))
  const text = await structureOfContent(bytesInMemory(bytesOf(`hello\n${UU}`)), 'text/plain')
  assert.deepEqual(
    text.otherReadings.map(leaf => leaf.fileName),
    ['run.exe'],
  )
  assert.deepEqual(
    leavesOf(text.root).map(leaf => leaf.mediaType),
    ['text/plain'],
  )
})
