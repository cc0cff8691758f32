// Which parts of a message are opened.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_ENCODED_DEPTH, MAX_ENCODED_STRUCTURE_BYTES, partsToOpen } from '../../filters/leaves.js'
import { decodedContent } from '../../filters/mime/decode-content.js'
import type { Finding } from '../../mail/finding.js'
import { messageFrom } from './message-from.js'

async function opened(text: string) {
  const findings: Finding[] = []
  const parts: string[] = []
  for await (const { bytes, part, where } of partsToOpen(await messageFrom(text), finding => findings.push(finding))) {
    const chunks: Buffer[] = []
    for await (const chunk of decodedContent(bytes, part)) chunks.push(chunk)
    parts.push(`${where}: ${Buffer.concat(chunks).toString('latin1').slice(0, 20)}`)
  }
  return { parts, findings }
}

/** An attachment in base64 lines. */
function base64(mediaType: string, content: string): string {
  const lines =
    Buffer.from(content, 'latin1')
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  return `Content-Type: ${mediaType}\nContent-Transfer-Encoding: base64\n\n${lines.join('\n')}\n`
}

const inner = `Subject: inner\nMIME-Version: 1.0\n${base64('application/zip; name="offer.zip"', 'the bytes')}`

test('plain text is not opened, an attachment is, text with a file name too', async () => {
  const message = `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

hello
--b
${base64('application/zip; name="offer.zip"', 'the bytes')}--b
Content-Type: text/plain; name="run.zip"

PK
--b--
`
  assert.deepEqual(await opened(message), { parts: ['2 offer.zip: the bytes', '3 run.zip: PK'], findings: [] })
  assert.deepEqual(await opened('Subject: x\n\nhello\n'), { parts: [], findings: [] })
})

test('an archive in 8bit is opened whatever its part calls itself', async () => {
  const rar = `Rar!\x1a\x07\x00\xcf\x90s\0\0\r\0\0\0\0\0\0\0${'x'.repeat(40)}`
  const headers = [
    'Content-Type: text/plain\nContent-Disposition: attachment',
    'Content-Type: text/x-rar',
    'Content-Type: text/plain',
    'Content-Type: text/html\nContent-Disposition: inline',
    'Subject: no type at all',
  ]
  for (const header of headers) {
    const { parts } = await opened(`${header}\nContent-Transfer-Encoding: 8bit\n\n${rar}\n`)
    assert.equal(parts.length, 1, header)
    assert.ok(parts[0]?.includes(': Rar!'), header)
  }
})

test('text that is called an attachment, is of a rare kind or has bytes of no text is opened; shown text is not', async () => {
  const isOpened = async (header: string, body: string) => (await opened(`${header}\n\n${body}\n`)).parts.length === 1
  assert.equal(await isOpened('Content-Disposition: attachment', 'hello'), true)
  assert.equal(await isOpened('Content-Type: text/x-sh', 'hello'), true)
  assert.equal(await isOpened('Content-Type: text/plain', 'MZ\x90\0\x03'), true)
  assert.equal(await isOpened('Content-Type: text/html\nContent-Disposition: inline', '<p>hello'), false)
  assert.equal(await isOpened('Content-Type: text/plain', '\x1b$B$3$s\x1b(B'), false)
})

test('a message in base64 is followed inside, and the way there can be read', async () => {
  const { parts } = await opened(`MIME-Version: 1.0\n${base64('message/rfc822; name="mail.eml"', inner)}`)
  assert.deepEqual(parts, ['1 mail.eml: Subject: inner\nMIME-', '1 mail.eml > 1 offer.zip: the bytes'])
})

test('a uuencoded file in quoted-printable text is opened', async () => {
  const text = 'hello\n\nbegin 644 run.exe\n#0V%T\n`\nend\n'
  const { parts } = await opened(
    `MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n${text}`,
  )
  assert.ok(
    parts.some(part => part.endsWith('run.exe: Cat')),
    JSON.stringify(parts),
  )
})

test('encoded messages inside each other end at a depth, with a finding', async () => {
  let message = inner
  for (let i = 0; i < MAX_ENCODED_DEPTH + 3; i++) message = `MIME-Version: 1.0\n${base64('message/rfc822', message)}`
  const { parts, findings } = await opened(message)
  assert.equal(parts.length, MAX_ENCODED_DEPTH + 1)
  assert.deepEqual(
    findings.map(finding => finding.kind === 'overLimit' && finding.limit),
    ['encoded messages in depth'],
  )
})

test('an encoded message too large for memory is one file, with a finding', async () => {
  const large = `Subject: inner\n\n${'x'.repeat(MAX_ENCODED_STRUCTURE_BYTES)}`
  const { parts, findings } = await opened(`MIME-Version: 1.0\n${base64('message/rfc822', large)}`)
  assert.equal(parts.length, 1)
  assert.deepEqual(findings, [{ kind: 'overLimit', limit: 'encoded message in memory', where: '1 message/rfc822' }])
})
