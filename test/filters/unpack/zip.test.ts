// Zips, honest and lying: what is visited and what is said about it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import { storedRar5 } from './write-rar.js'
import { noiseOf, placesIn, textAt, unpackAll } from './unpacking.js'
import { zip } from './write-zip.js'

test('files of a zip are visited, deflated and stored, large and empty ones', async () => {
  const large = Buffer.alloc(700_000, 'large ')
  const files = [
    { name: 'a.txt', content: 'hello' },
    { name: 'dir/', content: '', stored: true },
    { name: 'dir/b.bin', content: large },
    { name: 'c', content: 'as it is', stored: true },
    { name: 'empty', content: '', stored: true },
  ]
  const unpacked = await unpackAll(zip(files))
  assert.deepEqual(unpacked.findings, [])
  assert.deepEqual(placesIn(unpacked), ['offer > a.txt', 'offer > dir/b.bin', 'offer > c', 'offer > empty'])
  assert.equal(textAt(unpacked, 'offer > a.txt'), 'hello')
  assert.equal(textAt(unpacked, 'offer > c'), 'as it is')
  assert.ok(unpacked.leaves.get('offer > dir/b.bin')?.equals(large))
})

test('a zip is known by its content, whatever its name says', async () => {
  const content = zip([{ name: 'a.txt', content: 'hello' }])
  const unpacked = await unpackAll(content, { fileName: 'holiday.jpg' })
  assert.deepEqual([...unpacked.leaves.keys()], ['holiday.jpg > a.txt', 'holiday.jpg'])
  assert.ok(unpacked.leaves.get('holiday.jpg')?.equals(content))
})

test('a zip64 is read', async () => {
  const unpacked = await unpackAll(zip([{ name: 'a.txt', content: 'hello' }], { zip64: true }))
  assert.equal(textAt(unpacked, 'offer > a.txt'), 'hello')
  assert.deepEqual(unpacked.findings, [])
})

test('a zip behind a program is opened, however its offsets are counted', async () => {
  const before = Buffer.from(`MZ${'\x90'.repeat(5000)}`, 'latin1')
  for (const offsetsCountBefore of [true, false]) {
    const unpacked = await unpackAll(zip([{ name: 'a.txt', content: 'hello' }], { before, offsetsCountBefore }))
    assert.equal(textAt(unpacked, 'offer > a.txt'), 'hello')
    assert.deepEqual(unpacked.findings, [])
  }
})

test('a zip behind something that is no program is ambiguous and opened', async () => {
  const before = Buffer.from(`GIF89a${'x'.repeat(500)}`)
  const unpacked = await unpackAll(zip([{ name: 'a.txt', content: 'hello' }], { before }))
  assert.equal(textAt(unpacked, 'offer > a.txt'), 'hello')
  assert.deepEqual(unpacked.findings, [{ kind: 'ambiguous', what: 'data before the zip', where: 'offer' }])
})

test('what stands behind a zip is visited, and opened when it is an archive', async () => {
  const after = storedRar5([{ name: 'run.exe', content: 'MZ' }])
  const unpacked = await unpackAll(zip([{ name: 'a.txt', content: 'hello' }], { after }))
  assert.equal(textAt(unpacked, 'offer > (data after the archive) > run.exe'), 'MZ')
  assert.deepEqual(unpacked.findings, [{ kind: 'ambiguous', what: 'data after the zip', where: 'offer' }])
})

test('an encrypted member is a finding and its neighbours are visited', async () => {
  const aes = { flags: 0x0801, method: 99 }
  const files = [
    { name: 'secret.doc', content: 'x', both: { flags: 0x0801 } },
    { name: 'aes.doc', content: 'x', both: aes },
    { name: 'open.txt', content: 'open' },
  ]
  const unpacked = await unpackAll(zip(files))
  assert.deepEqual(placesIn(unpacked), ['offer > open.txt'])
  assert.deepEqual(unpacked.findings, [
    { kind: 'encrypted', where: 'offer > secret.doc' },
    { kind: 'encrypted', where: 'offer > aes.doc' },
  ])
})

test('a member only called encrypted by the directory is visited as its local header says', async () => {
  const unpacked = await unpackAll(zip([{ name: 'run.exe', content: 'virus', central: { flags: 0x0801 } }]))
  assert.equal(textAt(unpacked, 'offer > run.exe'), 'virus')
  assert.deepEqual(unpacked.findings.map(finding => finding.kind).sort(), ['ambiguous', 'encrypted'])
})

test('a method that is not read is unscanned, with its number', async () => {
  const unpacked = await unpackAll(zip([{ name: 'a', content: 'x', both: { method: 9 } }]))
  assert.deepEqual(unpacked.findings, [
    { kind: 'unscanned', why: 'zip method 9 is not read', by: 'unpack', where: 'offer > a' },
  ])
})

test('where local header and directory name different files, both are visited', async () => {
  const unpacked = await unpackAll(zip([{ name: 'a.txt', content: 'hello', local: { name: 'a.exe' } }]))
  assert.deepEqual(placesIn(unpacked), ['offer > a.txt', 'offer > a.exe'])
  assert.equal(unpacked.findings[0]?.kind, 'ambiguous')
})

test('where they give different methods, both contents are visited', async () => {
  const packed = deflateRawSync(Buffer.from('what the directory shows'))
  const unpacked = await unpackAll(zip([{ name: 'a', content: packed, stored: true, central: { method: 8 } }]))
  const contents = [...unpacked.leaves.values()].slice(0, -1)
  assert.ok(contents.some(content => content.equals(packed)))
  assert.ok(contents.some(content => content.toString() === 'what the directory shows'))
  assert.equal(unpacked.findings[0]?.kind, 'ambiguous')
})

test('a member that the directory hides is visited', async () => {
  const files = [
    { name: 'a.txt', content: 'hello' },
    { name: 'run.exe', content: 'hidden', hiddenFromDirectory: true },
  ]
  const unpacked = await unpackAll(zip(files))
  assert.equal(textAt(unpacked, 'offer > run.exe'), 'hidden')
  assert.deepEqual(unpacked.findings, [
    { kind: 'ambiguous', what: 'a member that the directory does not list', where: 'offer > run.exe' },
  ])
})

test('a member hidden inside the declared size of another is visited', async () => {
  const hidden = zip([{ name: 'run.exe', content: 'hidden', stored: true }], { withoutDirectory: true })
  const deflated = Buffer.concat([deflateRawSync(Buffer.from('shown')), hidden])
  const both = { packedBytes: deflated.length }
  const unpacked = await unpackAll(zip([{ name: 'a.txt', content: 'shown', deflated, both }]))
  assert.equal(textAt(unpacked, 'offer > a.txt'), 'shown')
  assert.equal(textAt(unpacked, 'offer > run.exe'), 'hidden')
})

test('two members of one name are both visited and ambiguous', async () => {
  const files = ['one', 'two'].map(content => ({ name: 'a.txt', content }))
  const unpacked = await unpackAll(zip(files))
  assert.deepEqual([...unpacked.leaves.values()].slice(0, -1).map(String), ['one', 'two'])
  assert.deepEqual(unpacked.findings, [{ kind: 'ambiguous', what: 'two members of this name', where: 'offer > a.txt' }])
})

test('a second zip in front of the first is opened too', async () => {
  const before = zip([{ name: 'first.exe', content: 'first' }])
  const unpacked = await unpackAll(zip([{ name: 'second.txt', content: 'second' }], { before }))
  assert.equal(textAt(unpacked, 'offer > first.exe'), 'first')
  assert.equal(textAt(unpacked, 'offer > second.txt'), 'second')
  assert.ok(unpacked.findings.some(finding => finding.kind === 'ambiguous'))
})

test('a zip stored in a zip is one directory each, not two of the outer one', async () => {
  const inner = zip([{ name: 'a.txt', content: 'hello' }])
  const unpacked = await unpackAll(zip([{ name: 'inner.zip', content: inner, stored: true }]))
  assert.equal(textAt(unpacked, 'offer > inner.zip > a.txt'), 'hello')
  assert.deepEqual(unpacked.findings, [])
})

test('declared sizes are not trusted: the content is whole and ambiguous', async () => {
  const unpacked = await unpackAll(zip([{ name: 'a', content: 'twelve bytes', both: { unpackedBytes: 3 } }]))
  assert.equal(textAt(unpacked, 'offer > a'), 'twelve bytes')
  assert.deepEqual(unpacked.findings, [
    { kind: 'ambiguous', what: 'declared size or checksum is wrong', where: 'offer > a' },
  ])
})

test('a truncated zip is unscanned, and what is left of it is visited', async () => {
  const whole = zip([
    { name: 'a.txt', content: 'hello' },
    { name: 'b.bin', content: noiseOf(5000) },
  ])
  const unpacked = await unpackAll(whole.subarray(0, 3000))
  assert.equal(textAt(unpacked, 'offer > a.txt'), 'hello')
  assert.ok((unpacked.leaves.get('offer > b.bin')?.length ?? 0) > 0)
  assert.deepEqual(unpacked.findings, [
    { kind: 'unscanned', why: 'zip without its central directory', by: 'unpack', where: 'offer' },
    { kind: 'unscanned', why: 'zip member cut short', by: 'unpack', where: 'offer > b.bin' },
  ])
})

test('a zip whose sizes follow the data is read', async () => {
  const local = { flags: 0x0808, packedBytes: 0, unpackedBytes: 0, crc: 0 }
  const unpacked = await unpackAll(zip([{ name: 'a.txt', content: 'hello', both: { flags: 0x0808 }, local }]))
  assert.equal(textAt(unpacked, 'offer > a.txt'), 'hello')
  assert.deepEqual(unpacked.findings, [])
})

test('names are shown without control characters, short, and in the code page of DOS', async () => {
  const files = [
    { name: 'evil\r\n\u202egpj.exe', content: '1' },
    { name: `${'x'.repeat(3000)}.exe`, content: '2' },
    { name: 'dos', content: '3', both: { name: Buffer.from([0x81, 0x2e, 0x65, 0x78, 0x65]), flags: 0 } },
  ]
  const [first, second, third] = placesIn(await unpackAll(zip(files)))
  assert.equal(first, 'offer > evil???gpj.exe')
  assert.ok(second?.endsWith('x.exe') && second.length < 220)
  assert.equal(third, 'offer > ü.exe')
})

test('a folder whose sizes follow its data is visited, and ambiguous', async () => {
  const empty = { flags: 0x0808, packedBytes: 0, unpackedBytes: 0, crc: 0 }
  const unpacked = await unpackAll(zip([{ name: 'evil.txt/', content: 'virus', both: empty }]))
  assert.equal(textAt(unpacked, 'offer > evil.txt/'), 'virus')
  assert.equal(unpacked.findings[0]?.kind, 'ambiguous')
})
