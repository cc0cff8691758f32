// File names as a person will see them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namesIn } from '../../../filters/mime/decode-name.js'
import { structuredValue } from '../../../filters/mime/parameters.js'

function names(parameters: string): string[] {
  return namesIn(structuredValue(`attachment; ${parameters}`).parameters, 'filename')
}

const cases: readonly [string, string, string[]][] = [
  ['a plain name', 'filename=a.txt', ['a.txt']],
  ['a quoted name with a semicolon and a quote', 'filename="a;\\"b\\".txt"', ['a;"b".txt']],
  ['a name with blanks and no quotes', 'filename=my file.exe ; x=y', ['my file.exe']],
  ['an encoded word', 'filename="=?utf-8?B?w6kuZXhl?="', ['\u00e9.exe']],
  ['encoded words without quotes', 'filename==?iso-8859-1?Q?=E9_x.exe?=', ['\u00e9 x.exe']],
  ['a character split over two encoded words', 'filename="=?utf-8?B?w6?= =?utf-8?Q?=A9.exe?="', ['\u00e9.exe']],
  [
    'encoded words of two charsets',
    'filename="=?utf-8?q?=C3=A9?=\t=?gb2312?B?1tDOxA==?=.exe"',
    ['\u00e9\u4e2d\u6587.exe'],
  ],
  ['Big5', 'filename="=?big5?B?pKSk5Q==?="', ['\u4e2d\u6587']],
  ['ISO-2022-JP', 'filename="=?ISO-2022-JP?B?GyRCRnxLXBsoQi5leGU=?="', ['\u65e5\u672c.exe']],
  ['a charset that nobody knows', 'filename="=?x-none?q?=E9.exe?="', ['\u00e9.exe']],
  ['a word that only looks encoded', 'filename="=?utf-8?x?abc?= =?"', ['=?utf-8?x?abc?= =?']],
  ['RFC 2231 with charset', "filename*=utf-8'en'%C3%A9%20x.exe", ['\u00e9 x.exe']],
  ['RFC 2231 in pieces, out of order', "filename*1=b.e; filename*0*=gbk''%D6%D0; filename*2*=%78e", ['\u4e2db.exe']],
  ['RFC 2231 with a character split over pieces', "filename*0*=utf-8''%C3; filename*1*=%A9.exe", ['\u00e9.exe']],
  ['an encoded word cut into pieces', 'filename*0="=?utf-8?Q?a=C3"; filename*1="=A9.exe?="', ['a\u00e9.exe']],
  ['a wrong percent sign', "filename*=utf-8''100%.exe", ['100%.exe']],
  ['two names: both', "filename=a.txt; filename*=us-ascii''b.exe", ['b.exe', 'a.txt']],
  ['a name is never a path', 'filename="../../etc\\\\passwd"', ['passwd']],
  ['a NUL ends the name or is left out', 'filename="run.exe\0.txt"', ['run.exe', 'run.exe.txt']],
  ['no name', 'filename=""', []],
]

for (const [claim, parameters, expected] of cases) {
  test(claim, () => assert.deepEqual(names(parameters), expected))
}

test('of a very long name the end stays', () => {
  const name = names(`filename="${'a'.repeat(10_000)}.exe"`)[0]
  assert.ok(name && name.length < 5000 && name.endsWith('.exe'))
})
