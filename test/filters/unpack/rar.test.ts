// RAR of both generations: stored members, compressed ones, and what cannot be opened.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { rarBomb } from './bombs.js'
import { placesIn, textAt, unpackAll } from './unpacking.js'
import {
  packedZeros5,
  rar4WithEncryptedNames,
  rar5WithEncryptedNames,
  storedRar4,
  storedRar5,
  type RarFile,
} from './write-rar.js'

const generations = [
  {
    title: 'RAR4',
    write: (files: readonly RarFile[]) => storedRar4(files),
    withEncryptedNames: rar4WithEncryptedNames,
  },
  {
    title: 'RAR5',
    write: (files: readonly RarFile[]) => storedRar5(files),
    withEncryptedNames: rar5WithEncryptedNames,
  },
]

for (const { title, write, withEncryptedNames } of generations) {
  test(`${title}: stored files are visited`, async () => {
    const large = Buffer.alloc(600_000, 'large ')
    const unpacked = await unpackAll(
      write([
        { name: 'run.exe', content: 'MZ' },
        { name: 'large', content: large },
      ]),
    )
    assert.equal(textAt(unpacked, 'offer > run.exe'), 'MZ')
    assert.ok(unpacked.leaves.get('offer > large')?.equals(large))
    assert.deepEqual(unpacked.findings, [])
  })

  test(`${title}: an encrypted file is a finding and its neighbour is visited`, async () => {
    const files = [
      { name: 'secret', content: 'x', isEncrypted: true },
      { name: 'open', content: 'open' },
    ]
    const unpacked = await unpackAll(write(files))
    assert.deepEqual(placesIn(unpacked), ['offer > open'])
    assert.deepEqual(unpacked.findings, [{ kind: 'encrypted', where: 'offer > secret' }])
  })

  test(`${title}: encrypted names are a finding`, async () => {
    const unpacked = await unpackAll(withEncryptedNames())
    assert.deepEqual(unpacked.findings, [{ kind: 'encrypted', where: 'offer' }])
  })

  test(`${title}: truncated in a file, it is unscanned, and what is there is visited`, async () => {
    const whole = write([
      { name: 'a', content: 'whole' },
      { name: 'b', content: 'x'.repeat(500) },
    ])
    const unpacked = await unpackAll(whole.subarray(0, whole.length - 300))
    assert.equal(textAt(unpacked, 'offer > a'), 'whole')
    assert.ok((unpacked.leaves.get('offer > b')?.length ?? 0) > 100)
    assert.deepEqual(unpacked.findings, [{ kind: 'unscanned', why: 'RAR cut short', by: 'unpack', where: 'offer' }])
  })

  test(`${title}: truncated in a header, it is unscanned`, async () => {
    const unpacked = await unpackAll(write([{ name: 'a-long-name', content: 'x' }]).subarray(0, 40))
    assert.deepEqual(unpacked.findings, [{ kind: 'unscanned', why: 'RAR cut short', by: 'unpack', where: 'offer' }])
  })

  test(`${title}: a damaged header is unscanned, and where it is`, async () => {
    const rar = write([{ name: 'a-name', content: 'x' }])
    rar.write('b', rar.indexOf('a-name'))
    const [finding] = (await unpackAll(rar)).findings
    assert.ok(finding?.kind === 'unscanned' && finding.why.startsWith('damaged RAR header at byte'))
  })

  test(`${title}: a file that goes on in another volume is unscanned`, async () => {
    const unpacked = await unpackAll(write([{ name: 'a', content: 'x', goesOnInNextVolume: true }]))
    assert.deepEqual(unpacked.findings[0], {
      kind: 'unscanned',
      why: 'RAR volume missing',
      by: 'unpack',
      where: 'offer > a',
    })
  })

  test(`${title}: behind a program it is opened`, async () => {
    const program = Buffer.from(`MZ${'\x90'.repeat(200_000)}Rar!\x1a\x07 is not yet it`, 'latin1')
    const unpacked = await unpackAll(Buffer.concat([program, write([{ name: 'run.exe', content: 'MZ' }])]))
    assert.equal(textAt(unpacked, 'offer > run.exe'), 'MZ')
    assert.deepEqual(unpacked.findings, [])
  })

  test(`${title}: what stands behind its end is visited`, async () => {
    const unpacked = await unpackAll(Buffer.concat([write([{ name: 'a', content: 'a' }]), Buffer.from('more')]))
    assert.equal(textAt(unpacked, 'offer > (data after the archive)'), 'more')
    assert.equal(unpacked.findings[0]?.kind, 'ambiguous')
  })
}

test('RAR5: compressed files are visited, and what follows them', async () => {
  const content = Buffer.alloc(3_000_000)
  const files = [
    { name: 'zeros', content, packed: packedZeros5(content.length), method: 3 },
    { name: 'stored', content: 'hi' },
    { name: 'more', content: content.subarray(0, 9), packed: packedZeros5(9), method: 3 },
  ]
  for (const isSolid of [false, true]) {
    const unpacked = await unpackAll(storedRar5(files, { isSolid }))
    assert.deepEqual(unpacked.findings, [])
    assert.ok(unpacked.leaves.get('offer > zeros')?.equals(content))
    assert.equal(textAt(unpacked, 'offer > stored'), 'hi')
    assert.equal(unpacked.leaves.get('offer > more')?.length, 9)
  }
})

test('RAR5: compressed data that are none are unscanned', async () => {
  const packed = Buffer.alloc(300, 0xa7)
  const unpacked = await unpackAll(storedRar5([{ name: 'a', content: 'abc', packed, method: 3 }]))
  assert.deepEqual(unpacked.findings, [
    { kind: 'unscanned', why: 'damaged RAR data', by: 'unpack', where: 'offer > a' },
  ])
})

test('RAR5: a window too large for memory is over a limit', async () => {
  const unpacked = await unpackAll(rarBomb(1, 13))
  assert.deepEqual(unpacked.findings, [{ kind: 'overLimit', limit: 'maxDictionaryBytes', where: 'offer > zeros' }])
})

test('RAR5: a link has no content to visit', async () => {
  const unpacked = await unpackAll(storedRar5([{ name: 'l', content: '', isLink: true }]))
  assert.deepEqual(placesIn(unpacked), [])
})

test('RAR5: a file is visited whatever its extra area claims to be', async () => {
  const content = Buffer.alloc(5000)
  const packed = packedZeros5(content.length)
  for (const extra of [
    [0x64, 5, 1, 0],
    [1, 5],
    [5, 5, 0, 0, 1, 0x78],
  ]) {
    const files = [
      { name: 'run.exe', content: 'MZ', extra: Buffer.from(extra) },
      { name: 'zeros', content, packed, method: 3, extra: Buffer.from(extra) },
    ]
    const unpacked = await unpackAll(storedRar5(files))
    assert.equal(textAt(unpacked, 'offer > run.exe'), 'MZ')
    assert.ok(unpacked.leaves.get('offer > zeros')?.equals(content), extra.join(' '))
    assert.deepEqual(unpacked.findings, [])
  }
})

for (const { title, write } of generations) {
  test(`${title}: data of a folder are visited, and unscanned where they cannot be read`, async () => {
    const stored = await unpackAll(write([{ name: 'run.exe', content: 'MZ', isFolder: true }]))
    assert.equal(textAt(stored, 'offer > run.exe'), 'MZ')
    const packed = await unpackAll(write([{ name: 'd', content: 'MZ', isFolder: true, method: 3 }]))
    assert.ok(packed.findings.some(finding => finding.kind === 'unscanned' && finding.by === 'unpack'))
  })
}

test('RAR5: data of links and service blocks are visited, and unscanned where they cannot be read', async () => {
  for (const kind of [{ isLink: true }, { isService: true }]) {
    const files = [
      { name: 'odd', content: 'MZ', ...kind },
      { name: 'zeros', content: Buffer.alloc(9), packed: packedZeros5(9), method: 3 },
    ]
    const unpacked = await unpackAll(storedRar5(files))
    assert.equal(textAt(unpacked, 'offer > odd'), 'MZ')
    assert.equal(unpacked.leaves.get('offer > zeros')?.length, 9)
    const packed = await unpackAll(storedRar5([{ name: 'odd', content: 'MZ', method: 3, ...kind }]))
    assert.ok(packed.findings.some(finding => finding.kind === 'unscanned' && finding.by === 'unpack'))
  }
})

/** Written by RAR itself and not part of this project; the tests above need none of them. */
const SAMPLES = join(import.meta.dirname, '../../../../../shared/samples/rar')

const good: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'rar.rar': { 'test.txt': 20, testlink: 8, 'testdir/test.txt': 20 },
  'rar_noeof.rar': { 'test.txt': 20 },
  'rar_subblock.rar': { 'test.txt': 20 },
  'rar_windows.rar': { 'testdir/test.txt': 16, 'test.txt': 16, 'testshortcut.lnk': 441 },
  'rar3_lowdist_reset.rar': { 'lowdist-reset.bin': 64 },
  'rar_unicode.rar': {
    '表だよ/新しいフォルダ/新規テキスト ドキュメント.txt': 0,
    '表だよ/漢字長いファイル名long-filename-in-漢字.txt': 5,
    '表だよ/ファイル': 54,
    'abcdefghijklmnopqrsテスト.txt': 16,
  },
  'rar5_stored.rar': { 'helloworld.txt': 29 },
  'rar5_compressed.rar': { 'test.bin': 1200 },
  'rar5_blake2.rar': { 'cebula.txt': 814 },
  'rar5_multiple_files.rar': { 'test1.bin': 4096, 'test2.bin': 4096, 'test3.bin': 4096, 'test4.bin': 4096 },
  'rar5_multiple_files_solid.rar': { 'test1.bin': 4096, 'test2.bin': 4096, 'test3.bin': 4096, 'test4.bin': 4096 },
  'rar5_zip_in_rar.rar': {
    'payload/inner.zip': 165,
    'payload/inner.zip > THIS_IS_INSIDE_THE_ZIP.txt': 13,
    'payload/real_after.txt': 21,
  },
  'rar5_hardlink.rar': { 'file.txt': 5 },
  'rar5_symlink.rar': { 'file.txt': 5 },
}
const encrypted = ['rar4_encrypted', 'rar4_encrypted_filenames', 'rar4_solid_encrypted', 'rar5_encrypted']
  .concat(['rar5_encrypted_filenames', 'rar5_solid_encrypted', 'rar_encryption_data', 'rar_encryption_header'])
  .map(name => `${name}.rar`)
const damaged = ['rar5_truncated_huff', 'rar5_invalid_dict_reference', 'rar5_unpacked_size_exceeds_declared']
  .concat(['rar_endarc_huge', 'rar_ppmd_use_after_free', 'rar_multivolume_single_file.part1'])
  .map(name => `${name}.rar`)

test('archives written by RAR itself, where the samples are at hand', async t => {
  if (!existsSync(SAMPLES)) {
    t.diagnostic(`no samples at ${SAMPLES}: RAR4 compression is not tested here`)
    return
  }
  for (const [name, files] of Object.entries(good)) {
    const unpacked = await unpackAll(readFileSync(join(SAMPLES, name)))
    const sizes = [...unpacked.leaves]
      .slice(0, -1)
      .map(([where, bytes]) => [where.slice('offer > '.length), bytes.length])
    assert.deepEqual(Object.fromEntries(sizes), files, name)
    assert.deepEqual(unpacked.findings, [], name)
  }
  for (const name of encrypted) {
    const { findings } = await unpackAll(readFileSync(join(SAMPLES, name)))
    assert.ok(findings.length > 0 && findings.every(finding => finding.kind === 'encrypted'), name)
  }
  for (const name of damaged) {
    const { findings } = await unpackAll(readFileSync(join(SAMPLES, name)))
    assert.ok(
      findings.some(finding => finding.kind === 'unscanned'),
      name,
    )
  }
})
