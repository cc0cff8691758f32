import assert from 'node:assert/strict'
import { test } from 'node:test'
import { coolDownUntil } from '../../signatures/cool-down.js'
import { readCvdHeader } from '../../signatures/cvd-header.js'

function padded(text: string): Buffer {
  return Buffer.from(text.padEnd(512))
}

test('a database header tells its version and when it was built', () => {
  const header =
    'ClamAV-VDB:16 Sep 2021 08-32 -0400:62:6647427:90:137d7fcaebe5ef8e9c2b7f4d:sig/na+ture:sigmgr:1631795562'
  assert.deepEqual(readCvdHeader(padded(header)), {
    version: 62,
    signatures: 6647427,
    builtAt: new Date('2021-09-16T12:32:42Z'),
  })
})

test('an old header without seconds is read by its text, zone included', () => {
  const header = readCvdHeader(padded('ClamAV-VDB:16 Sep 2021 08-32 -0400:62:6647427:90:137d:sig:sigmgr'))
  assert.deepEqual(header?.builtAt, new Date('2021-09-16T12:32:00Z'))
})

test('what is no database header is not taken for one', () => {
  assert.equal(readCvdHeader(Buffer.from('ClamAV-VDB:16 Sep 2021 08-32 -0400:62:1:90:x:y:z:1631795562')), null)
  assert.equal(readCvdHeader(padded('Eicar:0:*:58354f')), null)
  assert.equal(readCvdHeader(padded('ClamAV-VDB:16 Sep 2021 08-32 -0400:new:1:90:x:y:z:1631795562')), null)
  assert.equal(readCvdHeader(padded('ClamAV-VDB:yesterday:62:1:90:x:y:z')), null)
})

const WRITTEN_AFTER_429 = Buffer.from(
  '4672657368436c616d44617461010000003663633138376662' +
    '2d663031312d343933382d623932622d62366439393834353639646200' +
    '000000000000009c58006b000000000000000000000000000000000000000000000000000000',
  'hex',
)

test('the cool-down that freshclam wrote down is read while it lasts', () => {
  const until = new Date(0x6b00589c * 1000)
  assert.deepEqual(coolDownUntil(WRITTEN_AFTER_429, new Date(until.getTime() - 1000)), until)
  assert.equal(coolDownUntil(WRITTEN_AFTER_429, until), null)
})

test('a freshclam.dat of another layout is no cool-down of years', () => {
  const now = new Date(0x6b00589c * 1000 - 1000)
  assert.equal(coolDownUntil(WRITTEN_AFTER_429.subarray(0, 60), now), null)
  const other = Buffer.from(WRITTEN_AFTER_429)
  other.writeUInt32LE(2, 13)
  assert.equal(coolDownUntil(other, now), null)
  const shifted = Buffer.from(WRITTEN_AFTER_429)
  shifted.writeBigUInt64LE(0x6b00589c00000000n, 61)
  assert.equal(coolDownUntil(shifted, now), null)
})
