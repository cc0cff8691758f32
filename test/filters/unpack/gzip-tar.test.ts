// gzip and tar, alone and in each other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { noiseOf, placesIn, textAt, unpackAll } from './unpacking.js'
import { storedRar5 } from './write-rar.js'
import { tar } from './write-tar.js'
import { zip } from './write-zip.js'

/** gzip with a name in its header, as the gzip command writes it. */
function namedGzip(name: string, content: Buffer | string): Buffer {
  const plain = gzipSync(content)
  const head = Buffer.from(plain.subarray(0, 10))
  head[3] = 0x08
  return Buffer.concat([head, Buffer.from(`${name}\0`), plain.subarray(10)])
}

test('a gzip is visited unpacked, under the name in its header', async () => {
  const unpacked = await unpackAll(namedGzip('run.exe', 'MZ'), { fileName: 'a.gz' })
  assert.equal(textAt(unpacked, 'a.gz > run.exe'), 'MZ')
  assert.deepEqual(unpacked.findings, [])
})

test('a tar in a gzip is opened, named after the gzip where that has no name', async () => {
  const content = gzipSync(tar([{ name: 'run.exe', content: 'MZ' }]))
  const unpacked = await unpackAll(content, { fileName: 'tools.tgz' })
  assert.deepEqual(placesIn(unpacked), ['tools.tgz > tools.tar > run.exe', 'tools.tgz > tools.tar'])
  assert.deepEqual(unpacked.findings, [])
})

test('all members of a gzip are one file', async () => {
  const unpacked = await unpackAll(Buffer.concat([namedGzip('a', 'one '), gzipSync('two')]))
  assert.equal(textAt(unpacked, 'offer > a'), 'one two')
  assert.deepEqual(unpacked.findings, [])
})

test('what stands behind a gzip is visited and ambiguous', async () => {
  const unpacked = await unpackAll(Buffer.concat([namedGzip('a', 'one'), zip([{ name: 'run.exe', content: 'MZ' }])]))
  assert.equal(textAt(unpacked, 'offer > a'), 'one')
  assert.ok([...unpacked.leaves.values()].some(content => content.toString() === 'MZ'))
  assert.ok(unpacked.findings.some(finding => finding.kind === 'ambiguous'))
})

test('a truncated gzip is unscanned, and what came out of it is visited', async () => {
  const noise = noiseOf(200_000)
  const whole = namedGzip('noise', noise)
  const unpacked = await unpackAll(whole.subarray(0, whole.length - 20))
  const part = unpacked.leaves.get('offer > noise')
  assert.ok(part && part.length > 0 && noise.subarray(0, part.length).equals(part))
  assert.deepEqual(unpacked.findings, [
    { kind: 'unscanned', why: 'gzip cut short', by: 'unpack', where: 'offer > noise' },
  ])
})

test('a gzip with a wrong checksum is visited and ambiguous', async () => {
  const wrong = namedGzip('a', 'one')
  wrong.writeUInt32LE(1, wrong.length - 8)
  const unpacked = await unpackAll(wrong)
  assert.equal(textAt(unpacked, 'offer > a'), 'one')
  assert.equal(unpacked.findings[0]?.kind, 'ambiguous')
})

test('files of a tar are visited under their names: ustar, pax and GNU', async () => {
  const long = `${'deep/'.repeat(60)}run.exe`
  const files = [
    { name: 'a.txt', content: 'ustar' },
    { name: 'short', content: 'pax', pax: { path: 'é/pax.txt' } },
    { name: 'short', content: 'gnu', gnuLongName: long },
    { name: 'after.txt', content: 'after' },
  ]
  const unpacked = await unpackAll(tar(files))
  assert.deepEqual([...unpacked.leaves.values()].slice(0, -1).map(String), ['ustar', 'pax', 'gnu', 'after'])
  assert.ok(unpacked.leaves.has('offer > é/pax.txt'))
  assert.ok(placesIn(unpacked)[2]?.endsWith('/run.exe'))
  assert.deepEqual(unpacked.findings, [])
})

test('links, folders and devices of a tar have no content, and do not shift what follows', async () => {
  const files = [
    { name: 'link', content: '', type: '2' },
    { name: 'hard', content: '', type: '1', declaredBytes: 5000 },
    { name: 'device', content: '', type: '3', declaredBytes: 700 },
    { name: 'folder/', content: '', type: '5' },
    { name: 'run.exe', content: 'MZ' },
  ]
  const unpacked = await unpackAll(tar(files))
  assert.deepEqual(placesIn(unpacked), ['offer > run.exe'])
  assert.deepEqual(unpacked.findings, [])
})

test('a pax size is the size that counts', async () => {
  const unpacked = await unpackAll(
    tar([
      { name: 'a', content: 'x'.repeat(600), declaredBytes: 0, pax: { size: '600' } },
      { name: 'b', content: 'b' },
    ]),
  )
  assert.deepEqual(
    [...unpacked.leaves.values()].slice(0, -1).map(content => content.length),
    [600, 1],
  )
})

test('a tar without its end is read; one cut in a file is unscanned', async () => {
  const whole = tar(
    [
      { name: 'a', content: 'a' },
      { name: 'b', content: 'b'.repeat(2000) },
    ],
    false,
  )
  assert.deepEqual((await unpackAll(whole)).findings, [])
  const unpacked = await unpackAll(whole.subarray(0, 2000))
  assert.equal(textAt(unpacked, 'offer > a'), 'a')
  assert.equal(unpacked.leaves.get('offer > b')?.length, 2000 - 3 * 512)
  assert.deepEqual(unpacked.findings, [
    { kind: 'unscanned', why: 'tar member cut short', by: 'unpack', where: 'offer > b' },
  ])
})

test('a damaged header in the middle of a tar is unscanned, and the rest is visited', async () => {
  const files = [
    { name: 'a', content: 'a' },
    { name: 'b', content: 'b', badChecksum: true },
    { name: 'c', content: 'c' },
  ]
  const unpacked = await unpackAll(tar(files))
  assert.deepEqual(placesIn(unpacked), ['offer > a', 'offer > c'])
  assert.deepEqual(unpacked.findings, [
    { kind: 'unscanned', why: 'damaged tar header at byte 1024', by: 'unpack', where: 'offer' },
  ])
})

test('members behind the end of a tar are visited and ambiguous', async () => {
  const unpacked = await unpackAll(
    Buffer.concat([tar([{ name: 'a', content: 'a' }]), tar([{ name: 'b', content: 'b' }])]),
  )
  assert.deepEqual(placesIn(unpacked), ['offer > a', 'offer > b'])
  assert.equal(unpacked.findings[0]?.kind, 'ambiguous')
})

test('a tar that is a zip as well is read as both', async () => {
  const first = tar([{ name: 'a.txt', content: 'tar' }])
  const both = zip([{ name: 'run.exe', content: 'zip' }], { before: first, offsetsCountBefore: true })
  const unpacked = await unpackAll(both)
  assert.equal(textAt(unpacked, 'offer > a.txt'), 'tar')
  assert.equal(textAt(unpacked, 'offer > run.exe'), 'zip')
  assert.ok(unpacked.findings.some(finding => finding.kind === 'ambiguous'))
})

test('a tar is known by its checksum, however that is written', async () => {
  for (const checksum of ['eightDigits', 'base256'] as const) {
    const unpacked = await unpackAll(tar([{ name: 'run.exe', content: 'MZ', checksum }]))
    assert.equal(textAt(unpacked, 'offer > run.exe'), 'MZ', checksum)
    assert.deepEqual(unpacked.findings, [])
  }
})

test('a RAR is found behind megabytes of anything, and in a gap of a zip', async () => {
  const rar = storedRar5([{ name: 'run.exe', content: 'MZ' }])
  const far = await unpackAll(Buffer.concat([Buffer.alloc(1_200_000, 'junk '), rar]))
  assert.equal(textAt(far, 'offer > run.exe'), 'MZ')
  const whole = zip([{ name: 'a', content: 'a' }])
  const shift = Buffer.concat([
    whole.subarray(0, whole.indexOf('PK\x01\x02')),
    rar,
    whole.subarray(whole.indexOf('PK\x01\x02')),
  ])
  const gap = await unpackAll(shift)
  assert.equal(textAt(gap, 'offer > run.exe'), 'MZ')
  assert.ok(gap.leaves.has('offer > (data between the members)'))
})
