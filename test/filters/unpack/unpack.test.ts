// The unpacker as its callers see it: visits one at a time, leaves that end with their visit, aborts, threads that hang.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { runJob } from '../../../filters/unpack/run-job.js'
import { ThreadPool } from '../../../filters/unpack/thread-pool.js'
import { createUnpacker, newBudget, type Leaf } from '../../../filters/unpack/unpack.js'
import { eicar } from '../../servers/test-virus.js'
import { contentOf, inPieces, noiseOf, testSettings, textAt, unpackAll } from './unpacking.js'
import { storedRar4, storedRar5 } from './write-rar.js'
import { tar } from './write-tar.js'
import { zip } from './write-zip.js'

const noSignal = new AbortController().signal

test('the test virus in a RAR5 in a zip is visited', async () => {
  const rar = storedRar5([{ name: 'run.exe', content: eicar().toString('latin1') }])
  const unpacked = await unpackAll(zip([{ name: 'inner.rar', content: rar }]), { fileName: '1.2 offer.zip' })
  assert.equal(eicar().toString('latin1').length, 68)
  assert.equal(textAt(unpacked, '1.2 offer.zip > inner.rar > run.exe'), eicar().toString('latin1'))
  assert.ok(unpacked.leaves.get('1.2 offer.zip > inner.rar')?.equals(rar))
  assert.deepEqual(unpacked.findings, [])
})

test('archives of all kinds are opened inside each other, from memory and from a file', async () => {
  const noise = Buffer.from(Array.from({ length: 400_000 }, (_, at) => (at * at * 7) % 255))
  const small = storedRar4([{ name: 'x.tar', content: tar([{ name: 'deep.txt', content: 'deep' }]) }])
  const files = [
    { name: 'noise', content: noise },
    { name: 'small.rar', content: small },
  ]
  const large = zip([
    { name: 'large.tar', content: tar(files) },
    { name: 'last', content: 'last' },
  ])
  const unpacked = await unpackAll(storedRar5([{ name: 'large.zip', content: large }]))
  assert.equal(textAt(unpacked, 'offer > large.zip > large.tar > small.rar > x.tar > deep.txt'), 'deep')
  assert.ok(unpacked.leaves.get('offer > large.zip > large.tar > noise')?.equals(noise))
  assert.equal(textAt(unpacked, 'offer > large.zip > last'), 'last')
  assert.deepEqual(unpacked.findings, [])
})

test('an archive is visited after what is in it, also when a limit ends the reading', async () => {
  const inner = storedRar5([
    { name: 'run.exe', content: 'MZ' },
    { name: 'b', content: 'b' },
  ])
  const content = zip([{ name: 'inner.rar', content: inner }])
  const whole = await unpackAll(content)
  assert.deepEqual(
    [...whole.leaves.keys()],
    ['offer > inner.rar > run.exe', 'offer > inner.rar > b', 'offer > inner.rar', 'offer'],
  )
  const limited = await unpackAll(content, { settings: { maxMembers: 2 } })
  assert.deepEqual([...limited.leaves.keys()], ['offer > inner.rar > run.exe', 'offer > inner.rar', 'offer'])
  assert.deepEqual(
    limited.findings.map(finding => finding.kind),
    ['overLimit'],
  )
})

test('what is no archive is visited once and nothing else happens', async () => {
  for (const content of [Buffer.alloc(0), Buffer.from('hello'), Buffer.alloc(600_000, 'text ')]) {
    const unpacked = await unpackAll(content)
    assert.deepEqual([...unpacked.leaves.keys()], ['offer'])
    assert.ok(unpacked.leaves.get('offer')?.equals(content))
    assert.deepEqual(unpacked.findings, [])
  }
})

test('one leaf is visited at a time, and cannot be read when its visit is over', async () => {
  const settings = testSettings()
  const unpacker = createUnpacker(settings)
  const content = zip([
    { name: 'a', content: 'a' },
    { name: 'b', content: Buffer.alloc(500_000) },
  ])
  let under = 0
  const seen: Leaf[] = []
  const container = { where: '1 x', fileName: 'x', content: inPieces(content) }
  await unpacker.unpack(
    container,
    newBudget(settings),
    async leaf => {
      assert.equal(++under, 1)
      await new Promise(resolve => setTimeout(resolve, 20))
      assert.equal((await contentOf(leaf)).length, leaf.sizeBytes)
      assert.equal((await contentOf(leaf)).length, leaf.sizeBytes)
      seen.push(leaf)
      under--
    },
    noSignal,
  )
  await unpacker.close()
  assert.equal(seen.length, 3)
  for (const leaf of seen) assert.throws(() => leaf.content(), /over/)
})

test('no file with a name is left or seen in the scratch directory', async () => {
  const settings = testSettings()
  const unpacker = createUnpacker(settings)
  const content = zip([{ name: '../../evil', content: Buffer.alloc(500_000, 'x') }], {
    before: Buffer.alloc(900_000, 'MZ'),
  })
  let visits = 0
  await unpacker.unpack(
    { where: 'x', fileName: 'x', content: inPieces(content) },
    newBudget(settings),
    async () => {
      visits++
      assert.deepEqual(readdirSync(settings.scratchDirectory), [])
    },
    noSignal,
  )
  await unpacker.close()
  assert.equal(visits, 2)
})

test('an abort between two visits rejects with its reason, and the next archive is opened', async () => {
  const settings = testSettings()
  const unpacker = createUnpacker(settings)
  const content = zip([{ name: 'a', content: 'a' }])
  const abort = new AbortController()
  const unpacking = unpacker.unpack(
    { where: 'x', fileName: 'x', content: inPieces(content) },
    newBudget(settings),
    async () => abort.abort(new Error('too late')),
    abort.signal,
  )
  await assert.rejects(unpacking, /too late/)
  let visits = 0
  const container = { where: 'x', fileName: 'x', content: inPieces(content) }
  await unpacker.unpack(
    container,
    newBudget(settings),
    async () => {
      visits++
    },
    noSignal,
  )
  await unpacker.close()
  assert.equal(visits, 2)
})

test('a visit that rejects makes unpack reject', async () => {
  const settings = testSettings()
  const unpacker = createUnpacker(settings)
  const container = { where: 'x', fileName: 'x', content: inPieces(zip([{ name: 'a', content: 'a' }])) }
  const visit = async (leaf: Leaf) => {
    if (leaf.where === 'x > a') throw new Error('scanner gone')
  }
  await assert.rejects(unpacker.unpack(container, newBudget(settings), visit, noSignal), /scanner gone/)
  await unpacker.close()
})

test('a slow scanner costs no reading time', async () => {
  const settings = testSettings({ maxTimeMs: 400 })
  const unpacker = createUnpacker(settings)
  const files = ['a', 'b', 'c'].map(name => ({ name, content: Buffer.alloc(400_000, name) }))
  const container = { where: 'x', fileName: 'x', content: inPieces(zip(files)) }
  let visits = 0
  const visit = async () => {
    visits++
    await new Promise(resolve => setTimeout(resolve, 300))
  }
  assert.deepEqual(await unpacker.unpack(container, newBudget(settings), visit, noSignal), [])
  await unpacker.close()
  assert.equal(visits, 4)
})

test('a thread that hangs is ended, what it gave out is visited, and the finding says where it was', async () => {
  const settings = testSettings({ maxTimeMs: 200, workers: 1 })
  const pool = new ThreadPool(settings, new URL('./hanging-thread.js', import.meta.url))
  const archive = { where: 'offer', fileName: 'offer', content: { kind: 'memory', bytes: Buffer.from('x') } } as const
  for (let run = 0; run < 2; run++) {
    const places: string[] = []
    const startedAt = performance.now()
    const visit = async (leaf: Leaf) => {
      places.push(leaf.where)
    }
    const findings = await runJob(pool, archive, newBudget(settings), visit, noSignal)
    assert.deepEqual(findings, [{ kind: 'overLimit', limit: 'maxTimeMs', where: 'offer > stuck.rar' }])
    assert.deepEqual(places, ['offer > a'])
    assert.ok(performance.now() - startedAt < 2000)
  }
  await pool.close()
})

test('noise behind the first bytes of every format ends in findings, never in an error', async () => {
  const heads = ['PK\x03\x04', 'Rar!\x1a\x07\x00', 'Rar!\x1a\x07\x01\x00', '\x1f\x8b\x08\x00', 'RE~^']
  const noise = noiseOf(3000)
  for (const head of heads) {
    const { findings, leaves } = await unpackAll(Buffer.concat([Buffer.from(head, 'latin1'), noise]))
    assert.ok(findings.length > 0, head)
    assert.ok(leaves.size >= 1)
  }
})

test('archives with any one byte changed end in leaves and findings, never in an error', async () => {
  const inner = [{ name: 'a.txt', content: 'hello '.repeat(20) }]
  const settings = testSettings()
  const unpacker = createUnpacker(settings)
  for (const whole of [zip(inner), storedRar4(inner), storedRar5(inner), tar(inner, false)]) {
    for (let at = 0; at < Math.min(whole.length, 300); at += 3) {
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] ?? 0) ^ 0xff
      const container = { where: 'x', fileName: 'x', content: inPieces(changed) }
      await unpacker.unpack(
        container,
        newBudget(settings),
        async leaf => {
          await contentOf(leaf)
        },
        noSignal,
      )
    }
  }
  await unpacker.close()
})
