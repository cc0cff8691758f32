// One character over and over, wherever a sender can put it: reading such a message must not hold up the others.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_HEADER_BYTES } from '../../mail/limits.js'
import { partsToOpen } from '../../filters/leaves.js'
import { stamp } from '../../filters/stamp.js'
import { messageFrom } from './message-from.js'

/** Where it grows with the square of the length, it takes many times as long. */
const MAX_CASE_MS = 2000
const RUN_BYTES = 400 * 1024
const RUNS = [
  ' ',
  '\t',
  '\r',
  '\n',
  '\0',
  '"',
  '(',
  ';',
  '=',
  '-',
  '?',
  '\\',
  '<',
  "'",
  '*',
  '%',
  '\xa0',
  '=?',
  '\r\n ',
]
const settings = { hostName: 'mx.example.org', clamdEnabled: true, spamdEnabled: true }

type Place = { where: string; runBytes?: number; mail: (run: string) => string }

const multipart = 'Content-Type: multipart/mixed; boundary=b\n\n'
const places: Place[] = [
  { where: 'the end of a header line', mail: run => `X: a${run}b\n\nhi\n` },
  { where: 'a folded value', mail: run => `X: a\n ${run}b\n\nhi\n` },
  { where: 'a field name', mail: run => `X-Spam-Flag${run}: YES\nContent-Type${run}: a/b\n\nhi\n` },
  { where: 'the start of a message', mail: run => `${run}x\n\nhi\n` },
  { where: 'a media type', mail: run => `Content-Type: multipart${run}/mixed; boundary=b\n\n--b\n\nhi\n` },
  { where: 'a Content-Type value', mail: run => `Content-Type: text/plain${run}x\n\nhi\n` },
  { where: 'the name of a boundary', mail: run => `Content-Type: multipart/mixed; boundary${run}x\n\n--b\n\nhi\n` },
  { where: 'a boundary', mail: run => `Content-Type: multipart/mixed; boundary=${run}x\n\n--${run}x\n\nhi\n` },
  { where: 'a boundary in quotes', mail: run => `Content-Type: multipart/mixed; boundary="${run}x"\n\n--b\n\nhi\n` },
  { where: 'a file name', mail: run => `Content-Disposition: attachment; filename=${run}x\n\nhi\n` },
  { where: 'a file name in pieces', mail: run => `Content-Type: a/b; name*0*=utf-8''${run}; name*1="${run}x"\n\nhi\n` },
  { where: 'an encoded word', mail: run => `Content-Type: a/b; name="=?utf-8?q?${run}x?="\n\nhi\n` },
  { where: 'a transfer encoding', mail: run => `Content-Transfer-Encoding: base64${run}x\n\nhi\n` },
  { where: 'a body line', mail: run => `X: a\n\nhi\n${run}x\n` },
  { where: 'a line with dashes', mail: run => `${multipart}--b${run}x\n\nhi\n--b${run}\n\nhi\n` },
  { where: 'text around the parts', mail: run => `${multipart}${run}x\n--b\n\nhi\n--b--\n${run}x\n` },
  { where: 'a base64 body', mail: run => `Content-Type: a/b\nContent-Transfer-Encoding: base64\n\nQUJ${run}x\n` },
  { where: 'a begin line', mail: run => `X: a\n\nbegin 644 ${run}x\n#0V%T\n` },
  {
    where: 'the header of each of ten parts',
    runBytes: 40_000,
    mail: run => multipart + ten(`--b\nX: a\n ${run}b\n\n`),
  },
  { where: 'many begin lines', runBytes: 4080, mail: run => `X: a\n\n${ten(ten(ten(`begin 644 ${run}\n`)))}` },
  {
    where: 'many lines after begin',
    runBytes: 4000,
    mail: run => `X: a\n\n${ten(ten(ten(`begin 644 a\n!${run}x\n`)))}`,
  },
]

function ten(text: string): string {
  return text.repeat(10)
}

for (const { where, mail, runBytes = RUN_BYTES } of places) {
  test(`a long run of one character is read at once: ${where}`, async () => {
    const slow: string[] = []
    for (const run of RUNS) {
      const text = mail(run.repeat(runBytes / run.length))
      const startedAt = performance.now()
      const message = await messageFrom(text)
      await stamp(message, ['X-New: 1'], settings)
      for await (const { part } of partsToOpen(message, () => undefined)) assert.ok(part.endByte <= text.length)
      const took = performance.now() - startedAt
      if (took > MAX_CASE_MS) slow.push(`${JSON.stringify(run)} took ${Math.round(took)} ms`)
    }
    assert.deepEqual(slow, [])
  })
}

test('the runs fit the part of a header that is read', () => {
  assert.ok(2 * RUN_BYTES < MAX_HEADER_BYTES)
})
