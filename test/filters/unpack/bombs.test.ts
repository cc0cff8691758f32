// Archives made to exhaust us: each ends in a finding, within two seconds and 200 MB, and others are not held up.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { Finding } from '../../../mail/finding.js'
import { createUnpacker, newBudget } from '../../../filters/unpack/unpack.js'
import { emptyMembersZip, gzipBomb, nestedZip, overlappingZip, rarBomb, zipBomb } from './bombs.js'
import { contentOf, inPieces, testSettings, unpackAll } from './unpacking.js'
import { zip } from './write-zip.js'

type Measured = {
  findings: Finding[]
  elapsedMs: number
  mostRssBytes: number
  longestPauseMs: number
  leaves: number
}

async function measured(bomb: Buffer, times = 1): Promise<Measured> {
  const directory = mkdtempSync(join(tmpdir(), 'mailweir-bomb-'))
  const path = join(directory, 'bomb')
  writeFileSync(path, bomb)
  try {
    const program = join(import.meta.dirname, 'memory-of-bomb.js')
    const { stdout } = await promisify(execFile)(process.execPath, [program, path, String(times)])
    return JSON.parse(stdout) as Measured
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function assertContained(title: string, bomb: Measured, limit: string): void {
  assert.ok(
    bomb.findings.some(finding => finding.kind === 'overLimit' && finding.limit === limit),
    `${title}: ${JSON.stringify(bomb.findings)}`,
  )
  assert.ok(bomb.elapsedMs < 2000, `${title} took ${bomb.elapsedMs} ms`)
  assert.ok(bomb.mostRssBytes < 200_000_000, `${title} took ${bomb.mostRssBytes} bytes`)
  assert.ok(bomb.longestPauseMs < 300, `${title} stopped the event loop for ${bomb.longestPauseMs} ms`)
}

test('a 10 GB zip bomb of 10 MB ends in a finding', async () => {
  const bomb = await zipBomb(10_240)
  assert.ok(bomb.length < 12_000_000)
  assertContained('the zip', await measured(bomb), 'maxUnpackedBytes')
})

test('a 10 GB gzip bomb of 10 MB ends in a finding', async () => {
  assertContained('the gzip', await measured(await gzipBomb(10_240)), 'maxUnpackedBytes')
})

test('a 10 GB RAR bomb of 330 kB ends in a finding, and five in a row take no more memory than one', async () => {
  assertContained('the RAR', await measured(rarBomb(10_240), 5), 'maxRatio')
})

test('a zip whose members all lie in the same bytes ends in a finding', async () => {
  const bomb = await measured(await overlappingZip(9000, 10))
  assertContained('the zip', bomb, 'maxRatio')
  assert.ok(bomb.findings.some(finding => finding.kind === 'ambiguous' && finding.what === 'members overlap'))
})

test('a zip that nests 100 deep is opened ten deep', async () => {
  const bomb = await measured(nestedZip(100))
  assertContained('the zip', bomb, 'maxDepth')
  assert.equal(bomb.leaves, 11)
})

test('of a zip with a million empty members ten thousand are visited', async () => {
  const bomb = await measured(emptyMembersZip(1_000_000))
  assert.ok(bomb.findings.some(finding => finding.kind === 'overLimit'))
  assert.ok(bomb.leaves <= 10_001)
  assert.ok(bomb.mostRssBytes < 200_000_000, `took ${bomb.mostRssBytes} bytes`)
})

test('reading stops at the byte: a member as large as the limit passes, one byte more does not', async () => {
  const settings = { maxUnpackedBytes: 300_000 }
  const fits = await unpackAll(zip([{ name: 'a', content: Buffer.alloc(300_000) }]), { settings })
  assert.deepEqual(fits.findings, [])
  const tooLarge = await unpackAll(zip([{ name: 'a', content: Buffer.alloc(300_001) }]), { settings })
  assert.deepEqual(tooLarge.findings, [{ kind: 'overLimit', limit: 'maxUnpackedBytes', where: 'offer > a' }])
})

test('the containers of one message share one budget', async () => {
  const settings = testSettings({ maxMembers: 3 })
  const unpacker = createUnpacker(settings)
  const budget = newBudget(settings)
  const content = zip(['a', 'b'].map(name => ({ name, content: name })))
  const findings: Finding[][] = []
  for (const where of ['1', '2']) {
    const container = { where, fileName: null, content: inPieces(content) }
    findings.push(await unpacker.unpack(container, budget, async () => undefined, new AbortController().signal))
  }
  await unpacker.close()
  assert.deepEqual(findings, [[], [{ kind: 'overLimit', limit: 'maxMembers', where: '2' }]])
})

test('while bombs are read, the archives of another message are opened', async () => {
  const settings = testSettings()
  const unpacker = createUnpacker(settings)
  const bomb = await zipBomb(10_240)
  const read = async (content: Buffer) => {
    const startedAt = performance.now()
    let last = ''
    const container = { where: 'x', fileName: null, content: inPieces(content) }
    await unpacker.unpack(
      container,
      newBudget(settings),
      async leaf => {
        if (leaf.where !== 'x') last = (await contentOf(leaf)).subarray(0, 20).toString('latin1')
      },
      new AbortController().signal,
    )
    return { last, elapsedMs: performance.now() - startedAt }
  }
  const bombs = [read(bomb), read(bomb), read(bomb)]
  const small = await read(zip([{ name: 'a', content: 'hello' }]))
  await Promise.all(bombs)
  await unpacker.close()
  assert.equal(small.last, 'hello')
  assert.ok(small.elapsedMs < 4000, `took ${small.elapsedMs} ms`)
})
