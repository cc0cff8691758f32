// Transfer encodings are undone as mail programs do it, wherever the chunks are cut.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Encoding, Part } from '../../../mail/part.js'
import { bytesInFile, bytesInMemory, bytesOf, contentOf } from './both-ways.js'

async function decoded(encoding: Encoding, text: string): Promise<string> {
  const bytes = bytesOf(text)
  const part: Part = {
    number: '1',
    mediaType: 'text/plain',
    fileName: null,
    encoding,
    startByte: 0,
    endByte: bytes.length,
    parts: [],
  }
  const content = await contentOf(bytesInMemory(bytes), part)
  for (const chunkBytes of [1, 2, 3, 5, 64]) {
    assert.deepEqual(await contentOf(bytesInFile(bytes, chunkBytes), part), content, `in chunks of ${chunkBytes}`)
  }
  return content.toString('latin1')
}

const cases: readonly [string, Encoding, string, string][] = [
  ['base64 by the book', 'base64', 'aGVsbG8g\nd29ybGQ=\n', 'hello world'],
  ['base64 without padding', 'base64', 'aGVsbG8gd29ybGQ', 'hello world'],
  ['base64 with junk between', 'base64', 'a-G!V\0s\xe9b_G8g d2*9y\tbGQ=', 'hello world'],
  ['base64 strung together, padding in the middle', 'base64', 'aGVsbG8=aGVsbA==bw', 'hellohello'],
  ['one character too many in base64', 'base64', 'aGVsbG8=a', 'hello'],
  ['every byte of base64', 'base64', '/+8A/w==', '\xff\xef\x00\xff'],
  ['quoted-printable by the book', 'quoted-printable', 'caf=E9 =3D=\n x=20\n', 'caf\xe9 = x \n'],
  ['small hex digits', 'quoted-printable', '=e9=c3', '\xe9\xc3'],
  ['soft breaks with blanks after them', 'quoted-printable', 'a=  \t\nb=\r\nc=\rd', 'abcd'],
  ['blanks at the end of a line', 'quoted-printable', 'a  \t\nb \r\nc ', 'a\nb\r\nc'],
  ['a wrong escape stays as it is', 'quoted-printable', '=zz =4 x=\xff', '=zz =4 x=\xff'],
  ['an equals sign at the very end', 'quoted-printable', 'a=', 'a'],
  ['blanks inside a line', 'quoted-printable', 'a \t b', 'a \t b'],
  ['lines of bytes as they are', 'identity', 'a=3D\n\0\xff', 'a=3D\n\0\xff'],
  ['uuencode up to its end', 'uuencode', 'x\nbegin 644 a\n#86)C\n`\nend\n#86)C\n', 'abc'],
  ['uuencode with lines that are no data', 'uuencode', 'begin 644 a\n#86)C\nhello there\n#86)C', 'abcabc'],
  ['uuencode with CR line ends', 'uuencode', 'begin 644 a\r#86)C\r`\rend\r', 'abc'],
  ['BinHex that is none', 'binhex', 'hello\n:\x01\x02', ''],
]

for (const [claim, encoding, text, content] of cases) {
  test(`${encoding}: ${claim}`, async () => assert.equal(await decoded(encoding, text), content))
}

test('base64 of any length comes out whole', async () => {
  for (let length = 0; length < 200; length++) {
    const text = String.fromCharCode(...Array.from({ length }, (_, at) => (at * 37 + length) & 255))
    const lines = bytesOf(text).toString('base64').replace(/.{76}/g, '$&\n')
    assert.equal(await decoded('base64', lines), text)
  }
})

test('a long run of blanks in quoted-printable is not held in memory, nor lost', async () => {
  const content = await decoded('quoted-printable', `a${' '.repeat(20_000)}b${' '.repeat(9000)}\nc`)
  assert.equal(content.replace(/ *\nc$/, '').length, 20_002)
})
