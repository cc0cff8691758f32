// The shape of the house, read from the import lines: arrows run downward only, no circles, and sockets, files and
// child processes are opened in few, named files.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const checkout = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')

/** What each folder may import of ours, itself aside. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  mail: [],
  mta: ['mail'],
  filters: ['mail'],
  rules: ['mail'],
  mda: ['mail'],
  signatures: ['mail'],
  admin: ['mail', 'mta', 'filters', 'rules', 'mda', 'signatures'],
  service: ['mail', 'mta', 'filters', 'rules', 'mda', 'signatures', 'admin'],
  // The pipe's command speaks LMTP itself: it must not load the whole service where one is running.
  bin: ['mail', 'mta', 'service', 'admin'],
}

/** The files that touch the world. A new one is a decision: name it here. */
const MAY_TOUCH_THE_WORLD: Record<string, readonly string[]> = {
  'node:net': [
    'filters/connection.ts',
    'mta/listen-address.ts',
    'mta/lmtp/connection.ts',
    'mta/lmtp/server.ts',
    'mta/pipe/service-connection.ts',
    'mta/smtp/line-ends.ts',
    'mta/smtp/server.ts',
  ],
  'node:fs': [
    'admin/append-log.ts',
    'bin/maildrop.ts',
    'bin/mailweir.ts',
    'filters/unpack/gather.ts',
    'filters/unpack/member-bytes.ts',
    'filters/unpack/scratch.ts',
    'filters/unpack/source.ts',
    'filters/unpack/thread-pool.ts',
    'filters/unpack/thread.ts',
    'mda/directory-sync.ts',
    'mda/disk.ts',
    'mda/maildir-folders.ts',
    'mda/maildir.ts',
    'mda/open-maildir.ts',
    'mda/tmp-cleaning.ts',
    'mda/users/passwd-file.ts',
    'mda/users/template.ts',
    'mta/listen-address.ts',
    'mta/spool.ts',
    'service/delivery-world.ts',
    'service/listeners.ts',
    'service/rule-files.ts',
    'service/serve.ts',
    'service/settings-file.ts',
    'signatures/databases.ts',
    'signatures/run-lock.ts',
    'signatures/state-file.ts',
  ],
  'node:child_process': ['mda/sendmail.ts', 'service/privileges.ts', 'signatures/freshclam.ts'],
  'node:worker_threads': ['filters/unpack/thread-pool.ts', 'filters/unpack/thread.ts'],
}

type Import = { from: string; to: string }

function sourcesOf(folder: string): string[] {
  if (!existsSync(join(checkout, folder))) return []
  return readdirSync(join(checkout, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => join(folder, name))
}

function specifiersIn(file: string): string[] {
  const source = readFileSync(join(checkout, file), 'utf8')
  const found = source.matchAll(/^(?:import|export)[^'"]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm)
  return [...found].map(match => match[1] ?? match[2] ?? match[3] ?? '')
}

function importsOf(file: string): Import[] {
  return specifiersIn(file)
    .filter(specifier => specifier.startsWith('.'))
    .map(specifier => ({
      from: file,
      to: relative(checkout, normalize(join(checkout, dirname(file), specifier))).replace(/\.js$/, '.ts'),
    }))
}

// demo/ only plays the administrator: it starts the service as a program, with samples from the tests.
const folders = Object.keys(MAY_IMPORT)
const imports = folders.flatMap(sourcesOf).flatMap(importsOf)

test('there are sources and imports to look at', () => {
  assert.ok(imports.length > 50, `only ${imports.length} imports found`)
})

test('imports run downward only: mail knows nobody, the rooms know only mail, service joins them', () => {
  const wrong = imports.filter(({ from, to }) => {
    const [source = '', target = ''] = [from.split('/')[0], to.split('/')[0]]
    return source !== target && !MAY_IMPORT[source]?.includes(target)
  })
  assert.deepEqual(wrong, [])
})

test('no file imports itself by a detour', () => {
  const next = new Map<string, string[]>()
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to])
  const done = new Set<string>()
  const circleFrom = (file: string, trail: string[]): string[] | null => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file]
    if (done.has(file)) return null
    for (const target of next.get(file) ?? []) {
      const circle = circleFrom(target, [...trail, file])
      if (circle) return circle
    }
    done.add(file)
    return null
  }
  for (const file of next.keys()) assert.equal(circleFrom(file, [])?.join(' -> '), undefined)
})

for (const [module, named] of Object.entries(MAY_TOUCH_THE_WORLD)) {
  test(`${module} is used only by the files named for it`, () => {
    const users = folders
      .flatMap(sourcesOf)
      .filter(file => specifiersIn(file).some(specifier => specifier === module || specifier.startsWith(`${module}/`)))
    assert.deepEqual(users.sort(), [...named].sort())
  })
}
