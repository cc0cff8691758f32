// `mailweir` as an administrator types it: what it prints, and how it ends.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, test } from 'node:test'

const checkout = join(import.meta.dirname, '..', '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'mailweir-commands-'))
after(() => rmSync(folder, { recursive: true, force: true }))

type Ended = { exitCode: number | null; out: string; err: string }

/** By the Node that runs the tests: compiled packages fit one version only. */
function mailweir(args: readonly string[], input = ''): Ended {
  const ran = spawnSync(process.execPath, [join(checkout, 'dist', 'bin', 'mailweir.js'), ...args], {
    input,
    encoding: 'utf8',
    timeout: 60_000,
    env: { PATH: process.env['PATH'] },
  })
  return { exitCode: ran.status, out: ran.stdout, err: ran.stderr }
}

function settingsFile(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

test('version prints the version', () => {
  const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version: string }
  for (const args of [['version'], ['--version'], ['-v']]) {
    assert.deepEqual(mailweir(args), { exitCode: 0, out: `${version}\n`, err: '' })
  }
})

test('help names every command and ends with 0', () => {
  for (const args of [['help'], ['--help'], ['-h']]) {
    const { exitCode, out } = mailweir(args)
    assert.equal(exitCode, 0)
    for (const command of ['serve', 'deliver', 'config', 'signatures', 'version']) {
      assert.match(out, new RegExp(`^  ${command}\\b`, 'm'))
    }
  }
  assert.match(mailweir(['help', 'deliver']).out, /--recipient/)
})

test('wrong usage is said and ends with 64', () => {
  for (const args of [['nonsense'], ['serve', '--nonsense'], ['deliver'], ['config', 'nonsense'], ['deliver', '-r']]) {
    const { exitCode, out, err } = mailweir(args)
    assert.equal(exitCode, 64, args.join(' '))
    assert.equal(out, '')
    assert.match(err, /^error: /, args.join(' '))
  }
})

test('config check finds nothing wrong with an empty file', () => {
  const path = settingsFile('empty.toml', '')
  assert.deepEqual(mailweir(['config', 'check', path]), { exitCode: 0, out: `${path}: no faults\n`, err: '' })
})

test('config check prints every fault with its line and key, and ends with 78', () => {
  const path = settingsFile(
    'faulty.toml',
    '[policy]\nvirus = "refus"\n\n[clamd]\nsockt = "unix:/x"\ntotalTimeoutMs = "5 s"\n',
  )
  const { exitCode, out, err } = mailweir(['config', 'check', path])
  assert.equal(exitCode, 78)
  assert.equal(out, '')
  const faults = err.trimEnd().split('\n')
  assert.equal(faults.length, 3, err)
  assert.ok(faults[0]?.startsWith(`faulty.toml:2: policy.virus: `), err)
  assert.ok(faults[1]?.startsWith(`faulty.toml:5: clamd.sockt: `), err)
  assert.ok(faults[2]?.startsWith(`faulty.toml:6: clamd.totalTimeoutMs: `), err)
})

test('settings that are no TOML, or are not there, end every command with 78 and a word about the file', () => {
  settingsFile('broken.toml', '[policy\n')
  for (const name of ['broken.toml', 'missing.toml']) {
    const path = join(folder, name)
    for (const args of [
      ['config', 'check', path],
      ['signatures', 'status', '-c', path],
      ['serve', '-c', path],
    ]) {
      const { exitCode, err } = mailweir(args)
      assert.equal(exitCode, 78, args.join(' '))
      assert.ok(err.includes(name), err)
    }
  }
})

test('config docs prints docs/settings.md', () => {
  const { exitCode, out } = mailweir(['config', 'docs'])
  assert.equal(exitCode, 0)
  assert.equal(out, readFileSync(join(checkout, 'docs', 'settings.md'), 'utf8'))
})

test('signatures status of an empty folder says that there are none, as JSON and in words', () => {
  const databases = join(folder, 'databases')
  mkdirSync(databases)
  const path = settingsFile(
    'signatures.toml',
    `[clamd]\nenabled = false\n[signatures]\ndatabaseDirectory = "${databases}"\nstateFile = "${folder}/signatures.json"\n`,
  )
  const { exitCode, out } = mailweir(['signatures', 'status', '--json', '--config', path])
  assert.equal(exitCode, 0)
  const status = JSON.parse(out) as Record<string, unknown>
  assert.equal(status['directory'], databases)
  assert.deepEqual(status['databases'], [])
  assert.deepEqual(status['clamd'], { kind: 'unreachable', why: 'clamd.enabled is false' })
  assert.equal(status['age'], null)
  assert.equal(status['lastRun'], null)
  const words = mailweir(['signatures', 'status', '--config', path])
  assert.equal(words.exitCode, 0)
  assert.ok(words.out.includes(databases))
})

const MESSAGE = 'From: ann@example.com\nSubject: hello\nMessage-ID: <1@example.com>\n\nGood morning.\n'

/** As root the settings have to say that root is meant. */
function deliverySettings(): string {
  mkdirSync(join(folder, 'home', 'example.org', 'joe'), { recursive: true })
  return settingsFile(
    'deliver.toml',
    `[service]
${process.getuid?.() === 0 ? 'user = "root"' : ''}
[spool]
directory = "${folder}/spool"
[unpack]
scratchDirectory = "${folder}/scratch"
[clamd]
enabled = false
[spamd]
enabled = false
[rules]
siteFile = ""
[users]
templateHome = "${folder}/home/%d/%n"
[log]
file = "${folder}/mailweir.log"
`,
  )
}

test('deliver takes a message the whole way and ends with 0', () => {
  const args = ['deliver', '-r', 'joe@example.org', '-f', 'ann@example.com', '--config', deliverySettings()]
  const ended = mailweir(args, MESSAGE)
  assert.deepEqual(ended, { exitCode: 0, out: '', err: '' })
  const mailbox = join(folder, 'home', 'example.org', 'joe', 'Maildir', 'new')
  const [name = '', ...more] = readdirSync(mailbox)
  assert.deepEqual(more, [])
  assert.ok(readFileSync(join(mailbox, name), 'utf8').endsWith('\n\nGood morning.\n'))
})

test('deliver to nobody ends with 67 and 5.1.1', () => {
  const { exitCode, out } = mailweir(['deliver', '-r', 'nobody@example.org', '--config', deliverySettings()], MESSAGE)
  assert.equal(exitCode, 67)
  assert.match(out, /^5\.1\.1 /)
})

test('deliver with faulty settings is for later: 75', () => {
  const path = settingsFile('faulty-delivery.toml', '[policy]\nvirus = "refus"\n')
  const { exitCode, out, err } = mailweir(['deliver', '-r', 'joe@example.org', '--config', path], MESSAGE)
  assert.equal(exitCode, 75)
  assert.match(out, /^4\.3\.5 /)
  assert.match(err, /:2: policy\.virus: /)
})
