import assert from 'node:assert/strict'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { changesBetween, listDatabases } from '../../signatures/databases.js'

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'mailweir-databases-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

function cvd(version: number): string {
  return `ClamAV-VDB:16 Sep 2021 08-32 -0400:${version}:5:90:aa:bb:me:1631795562`.padEnd(512) + 'rest'
}

test('a database that got a new version has changed, whatever its file time says', async t => {
  const path = await folder(t)
  await writeFile(join(path, 'daily.cvd'), cvd(100))
  await writeFile(join(path, 'site.ndb'), 'One:0:*:aa\n')
  const before = await listDatabases(path)
  assert.deepEqual(
    before.map(({ name, version }) => [name, version.slice(0, 7)]),
    [
      ['daily.cvd', '100'],
      ['site.ndb', 'sha256 '],
    ],
  )
  await writeFile(join(path, 'site.ndb'), 'One:0:*:aa\n')
  assert.deepEqual(changesBetween(before, await listDatabases(path)), [])
  await writeFile(join(path, 'daily.cvd'), cvd(101))
  await writeFile(join(path, 'site.ndb'), 'Two:0:*:bb\n')
  const changed = changesBetween(before, await listDatabases(path))
  assert.deepEqual(
    changed.map(({ name }) => name),
    ['daily.cvd', 'site.ndb'],
  )
  assert.deepEqual(changed[0], { name: 'daily.cvd', from: '100', to: '101' })
})

test('a whole download replaced by an updated one is seen as both', async t => {
  const path = await folder(t)
  await writeFile(join(path, 'daily.cvd'), cvd(100))
  const before = await listDatabases(path)
  await rm(join(path, 'daily.cvd'))
  await writeFile(join(path, 'daily.cld'), cvd(101))
  assert.deepEqual(changesBetween(before, await listDatabases(path)), [
    { name: 'daily.cld', from: null, to: '101' },
    { name: 'daily.cvd', from: '100', to: null },
  ])
})

test("freshclam's own notes, folders and half-done downloads are no databases", async t => {
  const path = await folder(t)
  await mkdir(join(path, 'tmp.abc'))
  await mkdir(join(path, 'folder.ndb'))
  for (const name of ['freshclam.dat', '.hidden.ndb', 'readme.txt']) await writeFile(join(path, name), 'x')
  assert.deepEqual(await listDatabases(path), [])
})

test('a directory that cannot be read is a fault, not an empty one', async () => {
  await assert.rejects(listDatabases('/nonexistent/clamav'), /ENOENT/)
})
