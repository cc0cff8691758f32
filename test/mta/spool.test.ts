import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { spoolSettings } from '../../mta/spool-settings.js'
import { createSpool } from '../../mta/spool.js'
import type { SpoolResult, SpoolWriter } from '../../mta/spool.js'
import { randomFrom } from '../filters/random.js'

let directory = ''
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mailweir-spool-'))
})
after(() => rm(directory, { recursive: true, force: true }))

const MEMORY_BYTES = 1000
const spoolIn = (folder: string) => createSpool(spoolSettings.parse({ directory: folder, memoryBytes: MEMORY_BYTES }))

function someBytes(sizeBytes: number): Buffer {
  const random = randomFrom(sizeBytes)
  return Buffer.from(Array.from({ length: sizeBytes }, () => Math.floor(random() * 256)))
}

async function writeAll(writer: SpoolWriter, bytes: Buffer, pieceBytes: number): Promise<SpoolResult> {
  for (let from = 0; from < bytes.length; from += pieceBytes) {
    await writer.write(Buffer.from(bytes.subarray(from, from + pieceBytes)))
  }
  return writer.finish()
}

async function spooledOf(writer: SpoolWriter, bytes: Buffer, pieceBytes: number) {
  const result = await writeAll(writer, bytes, pieceBytes)
  if (result.kind === 'failed') throw result.outcome.cause
  return result
}

/** How many files of the test's folder this process holds open. */
async function openSpoolFiles(): Promise<number> {
  const names = await readdir('/proc/self/fd')
  const targets = await Promise.all(names.map(name => readlink(`/proc/self/fd/${name}`).catch(() => '')))
  return targets.filter(target => target.startsWith(directory)).length
}

for (const sizeBytes of [0, 1, MEMORY_BYTES, MEMORY_BYTES + 1, 200_000]) {
  for (const pieceBytes of [1, 7, 999, 65_536]) {
    if (sizeBytes / pieceBytes > 30_000) continue
    test(`${sizeBytes} bytes in pieces of ${pieceBytes} come out as they went in`, async () => {
      const bytes = someBytes(sizeBytes)
      const { spooled, dispose } = await spooledOf(spoolIn(directory).open(), bytes, pieceBytes)
      assert.equal(spooled.sizeBytes, sizeBytes)
      assert.equal(spooled.sha256, createHash('sha256').update(bytes).digest('hex'))
      assert.deepEqual(await spooled.bytes.read(0, sizeBytes), bytes)
      assert.equal(spooled.bytes.inMemory === null, sizeBytes > MEMORY_BYTES, 'memory up to the limit, a file above it')
      const [from, to] = [Math.floor(sizeBytes / 3), sizeBytes - Math.floor(sizeBytes / 4)]
      const pieces: Buffer[] = []
      for await (const piece of spooled.bytes.stream(from, to)) pieces.push(piece)
      assert.ok(pieces.every(piece => piece.length <= 65_536))
      assert.deepEqual(Buffer.concat(pieces), bytes.subarray(from, to))
      await dispose()
    })
  }
}

test('a message above the limit lies in a file without a name, which is closed afterwards', async () => {
  const { dispose } = await spooledOf(spoolIn(directory).open(), someBytes(5000), 512)
  assert.deepEqual(await readdir(directory), [])
  assert.equal(await openSpoolFiles(), 1)
  await dispose()
  assert.equal(await openSpoolFiles(), 0)
})

test('a message given up half way leaves no file open, even in the middle of a write', async () => {
  const writer = spoolIn(directory).open()
  await writer.write(someBytes(5000))
  const underWay = writer.write(someBytes(5000))
  await writer.discard()
  await underWay
  assert.equal(await openSpoolFiles(), 0)
})

test('a range outside of the message is a bug, not an empty answer', async () => {
  for (const sizeBytes of [10, 5000]) {
    const { spooled, dispose } = await spooledOf(spoolIn(directory).open(), someBytes(sizeBytes), 512)
    await assert.rejects(spooled.bytes.read(0, sizeBytes + 1), RangeError)
    await assert.rejects(spooled.bytes.read(-1, 3), RangeError)
    await assert.rejects(spooled.bytes.read(5, 3), RangeError)
    await dispose()
  }
})

test('a spool directory that cannot be written makes the message "try later", and small ones still pass', async () => {
  const spool = spoolIn(join(directory, 'missing'))
  const failed = await writeAll(spool.open(), someBytes(5000), 512)
  if (failed.kind === 'spooled') throw new Error('spooled where nothing can be written')
  assert.equal(failed.outcome.kind, 'tryLater')
  assert.match(failed.outcome.text, /^4\.3\.1 /)
  assert.equal((failed.outcome.cause as NodeJS.ErrnoException).code, 'ENOENT')
  await spooledOf(spool.open(), someBytes(500), 100)
})

test('at start the files a crash left are removed, and nobody else’s', async () => {
  const folder = join(directory, 'made', 'on', 'demand')
  await spoolIn(folder).prepare()
  assert.equal((await stat(folder)).mode & 0o777, 0o700)
  const leftover = `mailweir-spool-${'0a'.repeat(12)}`
  for (const name of [leftover, 'mailweir-spool-notes', 'mailbox']) await writeFile(join(folder, name), 'x')
  await Promise.all([spoolIn(folder).prepare(), spoolIn(folder).prepare()])
  assert.deepEqual((await readdir(folder)).sort(), ['mailbox', 'mailweir-spool-notes'])
})
