// Every way in which one mail program sees an attachment and another does not: it must be found, and be called odd
// where programs differ.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesInFile, bytesInMemory, bytesOf, contentOf, leavesOf, structureBothWays, whatsOf } from './both-ways.js'

const PAYLOAD = 'PK\x03\x04 the attachment that must not be missed, \xe9\xff\x00 whatever it takes to hide it'
const BASE64 = bytesOf(PAYLOAD).toString('base64')
const ZIP = `Content-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: base64\n\n${BASE64}\n`

type Evasion = {
  claim: string
  mail: string
  /** One of the oddities that are noted; null: all programs agree, and the usual reading shows the attachment. */
  what: string | null
  endsLoosely?: boolean
}

const mixed = (parameters: string) => `Content-Type: multipart/mixed; ${parameters}\n\n`
const plain = (boundary: string, part = ZIP) => `--${boundary}\n${part}--${boundary}--\n`

const evasions: Evasion[] = [
  { claim: 'an ordinary attachment', mail: mixed('boundary=b') + plain('b'), what: null },
  { claim: 'a single-part message that is an attachment', mail: ZIP, what: null, endsLoosely: true },
  {
    claim: 'a blank before the colon of Content-Type',
    mail: `Content-Type : multipart/mixed; boundary=b\n\n${plain('b')}`,
    what: null,
  },
  {
    claim: 'a comment inside the name of Content-Type',
    mail: `Content-Type (really): multipart/mixed; boundary=b\n\n${plain('b')}`,
    what: 'Content-Type with a crooked name',
  },
  {
    claim: 'a NUL inside the name of Content-Type',
    mail: `Content\0-Type: multipart/mixed; boundary=b\n\n${plain('b')}`,
    what: 'Content-Type with a crooked name',
  },
  {
    claim: 'a byte above ASCII in front of Content-Type',
    mail: `\xa0Content-Type: multipart/mixed; boundary=b\n\n${plain('b')}`,
    what: 'Content-Type with a crooked name',
  },
  {
    claim: 'a colon on the folded line after Content-Type',
    mail: `Subject: x\nContent-Type\n : multipart/mixed; boundary=b\n\n${plain('b')}`,
    what: null,
  },
  {
    claim: 'a header that begins with a blank',
    mail: ` Content-Type: multipart/mixed; boundary=b\n\n${plain('b')}`,
    what: 'Content-Type with a crooked name',
  },
  {
    claim: 'two Content-Type fields of which the second is live',
    mail: `Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=b\n\n${plain('b')}`,
    what: 'several Content-Type fields',
  },
  {
    claim: 'two multipart Content-Type fields with a boundary each',
    mail: `Content-Type: multipart/mixed; boundary=a\nContent-Type: multipart/mixed; boundary=b\n\n--a\n\nhi\n--a--\n${plain('b')}`,
    what: 'several Content-Type fields',
  },
  { claim: 'an empty boundary', mail: mixed('boundary=""') + plain(''), what: null },
  {
    claim: 'an empty boundary and lines with more',
    mail: mixed('boundary=""') + plain('x'),
    what: 'lines that only begin with the boundary',
  },
  { claim: 'a missing boundary', mail: `Content-Type: multipart/mixed\n\n${plain('b')}`, what: 'boundary guessed' },
  { claim: 'a boundary that no line has', mail: mixed('boundary=a') + plain('b'), what: 'boundary guessed' },
  {
    claim: 'two boundary parameters, the first in use',
    mail: mixed('boundary=b; boundary=a') + plain('b'),
    what: null,
  },
  {
    claim: 'two boundary parameters, the last in use',
    mail: mixed('boundary=a; boundary=b') + plain('b'),
    what: 'several boundaries',
  },
  {
    claim: 'two boundary parameters, both in use',
    mail: mixed('boundary=a; boundary=b') + `--a\n\nhi\n--a--\n${plain('b')}`,
    what: 'several boundaries',
  },
  {
    claim: 'a boundary in a comment',
    mail: mixed('(boundary=b) boundary=a') + `--a\n\nhi\n--a--\n${plain('b')}`,
    what: 'several boundaries',
  },
  { claim: 'a comment after the boundary', mail: mixed('boundary=b(c)') + plain('b'), what: null },
  {
    claim: 'a comment after the boundary taken for its end',
    mail: mixed('boundary=b(c)') + plain('b(c)'),
    what: 'lines that only begin with the boundary',
  },
  { claim: 'quotes around the boundary', mail: mixed('boundary="b;c"') + plain('b;c'), what: null },
  { claim: 'quotes not understood', mail: mixed('boundary="b;c"') + plain('b'), what: 'several boundaries' },
  { claim: 'a quote left open', mail: mixed('boundary="b') + plain('b'), what: null },
  { claim: 'a quoted pair in the boundary', mail: mixed('boundary="b\\c"') + plain('bc'), what: null },
  {
    claim: 'a quoted pair taken as it stands',
    mail: mixed('boundary="b\\c"') + plain('b\\c'),
    what: 'several boundaries',
  },
  {
    claim: 'a boundary in continuations (RFC 2231)',
    mail: mixed('boundary*0=ab; boundary*1=cd') + plain('abcd'),
    what: null,
  },
  {
    claim: 'a boundary with percent signs (RFC 2231)',
    mail: mixed("boundary*=us-ascii'en'a%62c") + plain('abc'),
    what: null,
  },
  {
    claim: 'a plain and a continued boundary',
    mail: mixed('boundary=x; boundary*0=ab; boundary*1=cd') + plain('abcd'),
    what: 'several boundaries',
  },
  {
    claim: 'a boundary as encoded word',
    mail: mixed('boundary="=?us-ascii?q?abc?="') + plain('abc'),
    what: 'several boundaries',
  },
  {
    claim: 'a NUL in the boundary that ends it',
    mail: mixed('boundary="b\0c"') + plain('b'),
    what: 'several boundaries',
  },
  {
    claim: 'a NUL in the boundary that is left out',
    mail: mixed('boundary="b\0c"') + plain('bc'),
    what: 'several boundaries',
  },
  {
    claim: 'bytes above ASCII in the boundary',
    mail: mixed('boundary="b\xe9"') + plain('b\xe9'),
    what: 'several boundaries',
  },
  { claim: 'UTF-8 in the boundary', mail: mixed('boundary="b\xc3\xa9"') + plain('b\xc3\xa9'), what: null },
  { claim: 'a folded boundary', mail: 'Content-Type: multipart/mixed;\n boundary=\n b\n\n' + plain('b'), what: null },
  {
    claim: 'a boundary folded in the middle',
    mail: mixed('boundary="b\n c"') + plain('bc'),
    what: 'several boundaries',
  },
  {
    claim: 'no semicolon before the boundary',
    mail: `Content-Type: multipart/mixed boundary=b\n\n${plain('b')}`,
    what: null,
  },
  {
    claim: 'a multipart without a subtype',
    mail: `Content-Type: multipart; boundary=b\n\n${plain('b')}`,
    what: 'a crooked multipart type',
  },
  {
    claim: 'blanks around the slash of the type',
    mail: `Content-Type: multipart / mixed; boundary=b\n\n${plain('b')}`,
    what: null,
  },
  { claim: 'blanks after the boundary line', mail: mixed('boundary=b') + `--b  \t\n${ZIP}--b--  \n`, what: null },
  {
    claim: 'a boundary line with blanks that only some programs see',
    mail:
      mixed('boundary="\'\'"') +
      `--''\nContent-Type: application/zip\nContent-Transfer-Encoding: base64\n\n${BASE64.slice(0, 40)}\n--'' \n${BASE64.slice(40)}\n--''--\n`,
    what: 'blanks after the boundary',
  },
  {
    claim: 'a line that only begins with the boundary',
    mail: mixed('boundary=b') + plain('bcd'),
    what: 'lines that only begin with the boundary',
  },
  {
    claim: 'an inner boundary that begins with the outer one',
    mail: mixed('boundary=b') + `--b\n${mixed('boundary=bc')}${plain('bc')}--b--\n`,
    what: null,
  },
  {
    claim: 'an outer boundary that begins with the inner one',
    mail: mixed('boundary=bc') + `--bc\n${mixed('boundary=b')}${plain('b')}--bc--\n`,
    what: null,
  },
  {
    claim: 'the same boundary in an inner multipart',
    mail: mixed('boundary=b') + `--b\n${mixed('boundary=b')}${plain('b')}--b--\n`,
    what: null,
  },
  {
    claim: 'parts after the same boundary has ended in an inner multipart',
    mail: mixed('boundary=b') + `--b\n${mixed('boundary=b')}--b\n\nhi\n--b--\n${plain('b')}`,
    what: 'parts after the end boundary',
  },
  { claim: 'a missing end boundary', mail: mixed('boundary=b') + `--b\n${ZIP}`, what: null, endsLoosely: true },
  {
    claim: 'an inner multipart without end, cut by the outer boundary',
    mail: mixed('boundary=a') + `--a\n${mixed('boundary=b')}--b\n${ZIP}--a\n\nhi\n--a--\n`,
    what: null,
  },
  {
    claim: 'a part after the end boundary',
    mail: mixed('boundary=b') + `--b\n\nhi\n--b--\n${plain('b')}`,
    what: 'parts after the end boundary',
  },
  {
    claim: 'a part before the first boundary',
    mail: mixed('boundary=b') + `${ZIP}--b\n\nhi\n--b--\n`,
    what: "a part's header before the parts",
  },
  {
    claim: 'a part in the epilogue, without boundary',
    mail: mixed('boundary=b') + `--b\n\nhi\n--b--\n${ZIP}`,
    what: "a part's header after the parts",
    endsLoosely: true,
  },
  {
    claim: 'no blank line before the body',
    mail: mixed('boundary=b') + plain('b', ZIP.replace('\n\n', '\n')),
    what: 'no blank line before the body',
  },
  {
    claim: 'no blank line before the first boundary',
    mail: `Content-Type: multipart/mixed; boundary=b\n${plain('b')}`,
    what: 'no blank line before the body',
  },
  {
    claim: 'a line of blanks as the end of the header',
    mail: mixed('boundary=b') + plain('b', ZIP.replace('\n\n', '\n \n')),
    what: 'a line of blanks in the header',
  },
  {
    claim: 'a line of blanks in the middle of the header',
    mail: `Subject: x\n \nContent-Type: multipart/mixed; boundary=b\n\n${plain('b')}`,
    what: 'a line of blanks in the header',
  },
  {
    claim: 'an odd line in the header',
    mail: `Subject: x\nhello\nContent-Type: multipart/mixed; boundary=b\n\n${plain('b')}`,
    what: 'no blank line before the body',
  },
  {
    claim: 'CR as the only line end',
    mail: (mixed('boundary=b') + plain('b')).replaceAll('\n', '\r'),
    what: 'bare CR as line end',
  },
  {
    claim: 'CR as line end in the header',
    mail: `Subject: x\r${mixed('boundary=b')}${plain('b')}`,
    what: 'bare CR as line end',
  },
  {
    claim: 'CR before a boundary',
    mail: mixed('boundary=b') + `--b\n\nhi\r${plain('b')}`,
    what: 'bare CR as line end',
  },
  {
    claim: 'CR and LF as line end',
    mail: (mixed('boundary=b') + plain('b')).replaceAll('\n', '\r\n'),
    what: null,
    endsLoosely: true,
  },
  {
    claim: 'an mbox line on top',
    mail: `From me Mon Jan  1 00:00:00 2024\n${mixed('boundary=b')}${plain('b')}`,
    what: null,
  },
  {
    claim: 'a message in a message',
    mail: `Content-Type: message/rfc822\n\n${mixed('boundary=b')}${plain('b')}`,
    what: null,
  },
  {
    claim: 'a message with an mbox line in a message',
    mail: `Content-Type: message/rfc822\n\n>From me\n${mixed('boundary=b')}${plain('b')}`,
    what: null,
  },
  {
    claim: 'a message in a digest',
    mail: `Content-Type: multipart/digest; boundary=a\n\n--a\n\n${mixed('boundary=b')}${plain('b')}--a--\n`,
    what: null,
  },
  {
    claim: 'a message that says it is encoded and is not',
    mail: `Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n${mixed('boundary=b')}${plain('b')}`,
    what: 'transfer encoding on a message',
  },
  {
    claim: 'the first piece of a message/partial',
    mail: `Content-Type: message/partial; number=1; total=2; id=x\n\n${mixed('boundary=b')}${plain('b')}`,
    what: 'message/partial',
  },
  {
    claim: 'two Content-Transfer-Encoding fields, the second in use',
    mail: ZIP.replace('Content-Transfer', 'Content-Transfer-Encoding: 7bit\nContent-Transfer'),
    what: 'several Content-Transfer-Encoding fields',
    endsLoosely: true,
  },
  {
    claim: 'junk after the transfer encoding',
    mail: ZIP.replace(': base64', ': base64; x=y'),
    what: 'a crooked Content-Transfer-Encoding',
    endsLoosely: true,
  },
  {
    claim: 'a comment in the transfer encoding',
    mail: ZIP.replace(': base64', ': (x) BASE64 (y)'),
    what: null,
    endsLoosely: true,
  },
  {
    claim: 'a transfer encoding on a multipart',
    mail: `Content-Transfer-Encoding: base64\n${mixed('boundary=b')}${plain('b')}`,
    what: 'transfer encoding on multipart',
  },
  {
    claim: 'padding in the middle of base64',
    mail: ZIP.replace(
      BASE64,
      `${bytesOf(PAYLOAD.slice(0, 10)).toString('base64')}${bytesOf(PAYLOAD.slice(10)).toString('base64')}`,
    ),
    what: 'padding inside base64',
    endsLoosely: true,
  },
  ...[1, 2, 5, 6].map(at => ({
    claim: `a stray padding character after character ${at} of base64`,
    mail: ZIP.replace(BASE64, `${BASE64.slice(0, at)}=${BASE64.slice(at)}`),
    what: 'padding inside base64',
  })),
  {
    claim: 'a long gap between the name Content-Type and its colon on the folded line',
    mail: `Subject: x\nContent-Type${' '.repeat(300)}\n : multipart/mixed; boundary=b\n\n${plain('b')}`,
    what: null,
  },
  {
    claim: 'content after which the padding says stop',
    mail: ZIP.replace(BASE64, `${bytesOf(`${PAYLOAD}x`).toString('base64').replace(/=+$/, '')}=\nQUJD`).replace(
      'x=',
      '=',
    ),
    what: 'padding inside base64',
    endsLoosely: true,
  },
]

const agreeing = evasions.filter(evasion => evasion.what === null).map(evasion => evasion.claim)

test('the table has both kinds of evasions', () => {
  assert.ok(agreeing.length > 20 && evasions.length - agreeing.length > 35)
})

for (const { claim, mail, what, endsLoosely } of evasions) {
  test(`found: ${claim}`, async () => {
    const bytes = bytesOf(mail)
    const structure = await structureBothWays(bytes)
    const leaves = what === null ? leavesOf(structure.root) : [...leavesOf(structure.root), ...structure.otherReadings]
    const contents = await Promise.all(leaves.map(leaf => contentOf(bytesInMemory(bytes), leaf)))
    const found = contents.map(content => content.toString('latin1'))
    const isThere = found.some(content => (endsLoosely ? content.startsWith(PAYLOAD) : content === PAYLOAD))
    assert.ok(isThere, `not among ${JSON.stringify(found)} ${JSON.stringify(structure)}`)
    if (what !== null) assert.ok(whatsOf(structure).includes(what), `oddities: ${whatsOf(structure).join(', ')}`)
    for (const leaf of leaves)
      assert.deepEqual(await contentOf(bytesInFile(bytes, 7), leaf), await contentOf(bytesInMemory(bytes), leaf))
  })
}

test('an ordinary message of nested multiparts is not odd and has no other reading', async () => {
  const inner = `Content-Type: multipart/alternative; boundary="=_b-inner"\n\n--=_b-inner\nContent-Type: text/plain\n\nhi\n--=_b-inner\nContent-Type: text/html\n\n<p>hi\n--=_b-inner--\n`
  const structure = await structureBothWays(
    `Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed;\n\tboundary="----=_a"\n\nThis is a message in MIME format.\n\n------=_a\n${inner}\n------=_a\n${ZIP}\n------=_a--\n`,
  )
  assert.deepEqual(structure.oddities, [])
  assert.deepEqual(structure.otherReadings, [])
  assert.deepEqual(
    leavesOf(structure.root).map(leaf => `${leaf.number} ${leaf.mediaType}`),
    ['1.1 text/plain', '1.2 text/html', '2 application/zip'],
  )
  assert.equal(structure.root.number, '0')
})
