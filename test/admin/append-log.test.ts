import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { appendToLog, keepLogOpen } from '../../admin/append-log.js'

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'mailweir-log-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

test('a log is made for its owner alone, and later texts come after earlier ones', async t => {
  const path = join(await folder(t), 'log')
  await appendToLog(path, 'one\n')
  await appendToLog(path, 'two\n')
  assert.equal(await readFile(path, 'utf8'), 'one\ntwo\n')
  assert.equal((await stat(path)).mode & 0o777, 0o600)
})

test('records written at the same time do not mix and none is lost', async t => {
  const path = join(await folder(t), 'log')
  const records = Array.from({ length: 200 }, (_, number) => `${String(number).repeat(300).slice(0, 300)}\n`)
  const open = keepLogOpen(path)
  t.after(() => open.close())
  await Promise.all(records.map((record, index) => (index % 2 ? appendToLog(path, record) : open.append(record))))
  const written = (await readFile(path, 'utf8')).split('\n').slice(0, -1)
  assert.deepEqual(written.map(line => `${line}\n`).sort(), records.sort())
})

test('a link in the place of the log is not followed', async t => {
  const directory = await folder(t)
  await writeFile(join(directory, 'precious'), 'precious\n')
  await symlink(join(directory, 'precious'), join(directory, 'log'))
  await assert.rejects(appendToLog(join(directory, 'log'), 'x\n'), /ELOOP/)
  assert.equal(await readFile(join(directory, 'precious'), 'utf8'), 'precious\n')
})

test('a pipe that nobody reads does not hold up the delivery, and a folder is no log', async t => {
  const directory = await folder(t)
  execFileSync('mkfifo', [join(directory, 'pipe')])
  await assert.rejects(appendToLog(join(directory, 'pipe'), 'x\n'), /ENXIO/)
  await assert.rejects(appendToLog(directory, 'x\n'), /EISDIR/)
})

test('a pipe with a reader is no log either', async t => {
  const path = join(await folder(t), 'pipe')
  execFileSync('mkfifo', [path])
  const { open } = await import('node:fs/promises')
  const reader = await open(path, 'r+')
  await assert.rejects(appendToLog(path, 'x\n'), /not a regular file/)
  await reader.close()
})

test('a log that cannot be written is a fault for the caller to answer, on a full disk too', async t => {
  await assert.rejects(appendToLog(join(await folder(t), 'missing', 'log'), 'x\n'), /ENOENT/)
  const open = keepLogOpen(join(await folder(t), 'missing', 'log'))
  await assert.rejects(open.append('x\n'), /ENOENT/)
  await assert.rejects(open.append('x\n'), /ENOENT/)
  await open.close()
})

test('a log of somebody else is not written, and a new one belongs to whom it is made for', async t => {
  const directory = await folder(t)
  const other = { ownerUid: (process.getuid?.() ?? 0) + 1, ownerGid: process.getgid?.() ?? 0 }
  await writeFile(join(directory, 'ours'), '')
  await assert.rejects(appendToLog(join(directory, 'ours'), 'x\n', other), /belongs to somebody else/)
  if (process.getuid?.() === 0) {
    await appendToLog(join(directory, 'theirs'), 'x\n', other)
    assert.equal((await stat(join(directory, 'theirs'))).uid, other.ownerUid)
  }
  assert.equal(await readFile(join(directory, 'ours'), 'utf8'), '')
})

test('/dev/null takes everything, as filters that want no log expect', async () => {
  await appendToLog('/dev/null', 'x\n')
})

test('after a rotation the next records go to a new file, within a second or so', async t => {
  const directory = await folder(t)
  const path = join(directory, 'log')
  const open = keepLogOpen(path)
  await open.append('before\n')
  await rename(path, `${path}.1`)
  await sleep(1_100)
  await Promise.all([open.append('after\n'), open.append('after\n')])
  assert.equal(await readFile(`${path}.1`, 'utf8'), 'before\n')
  assert.equal(await readFile(path, 'utf8'), 'after\nafter\n')
  await rm(path)
  await sleep(1_100)
  await open.append('again\n')
  assert.equal(await readFile(path, 'utf8'), 'again\n')
  await open.close()
  assert.deepEqual(await descriptorsOf(directory), [])
})

/** Our open files in that folder. */
async function descriptorsOf(directory: string): Promise<string[]> {
  const { readlink } = await import('node:fs/promises')
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map(fd => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  )
  return links.filter(target => target.startsWith(directory))
}
