import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { describeFault } from '../../service/settings-faults.js'
import { loadSettings, readSettings } from '../../service/settings-file.js'
import { defaultSettings } from '../../service/settings.js'

function faultsIn(source: string): string[] {
  return readSettings(source, 'mailweir.toml').faults.map(describeFault)
}

test('an empty file is valid: every setting has a default', () => {
  assert.deepEqual(readSettings('', 'mailweir.toml'), { settings: defaultSettings(), faults: [] })
})

test('the defaults lose no mail: viruses are refused, and what could not be scanned is deferred', () => {
  const { policy } = defaultSettings()
  assert.deepEqual([policy.virus, policy.spam, policy.unscannedByClamd], ['refuse', 'tag', 'defer'])
})

test('what the file says holds, and the rest stays as it was', () => {
  const { settings } = readSettings('[policy]\nvirus = "discard"\n[service]\nuser = 5000\n', 'mailweir.toml')
  assert.equal(settings?.policy.virus, 'discard')
  assert.equal(settings.service.user, 5000)
  assert.deepEqual({ ...settings.policy, virus: 'refuse' }, defaultSettings().policy)
})

test('every fault is named in one go, in the order of the file, with line, key, what was expected and what was found', () => {
  const faults = faultsIn(`
[service]
hostName = "mail server"
workers = 0
user = true
[lmtp]
listen = [
  "unix:/run/mailweir/lmtp.sock",
  "somewhere" ]
socketMode = 0o7777
[policy]
virus = "refus"
spam = 5
[signatures]
timeoutMinutes = 3.5
freshclamPath = "freshclam"
[rules]
userFile = "../other/.mailfilter"
[log]
file = "mailweir.log"
`)
  assert.deepEqual(faults, [
    'mailweir.toml:3: service.hostName: expected a host name; got "mail server"',
    'mailweir.toml:4: service.workers: expected a whole number, 1 to 256; got 0',
    'mailweir.toml:5: service.user: expected text or a whole number, at least 0; got true',
    'mailweir.toml:9: lmtp.listen[1]: not "unix:/path" or "host:port"; got "somewhere"',
    'mailweir.toml:10: lmtp.socketMode: expected a whole number, 0 to 0o777; got 0o7777',
    'mailweir.toml:12: policy.virus: expected one of "pass", "tag", "refuse", "discard", "defer"; got "refus"',
    'mailweir.toml:13: policy.spam: expected one of "pass", "tag", "refuse", "discard", "defer"; got 5',
    'mailweir.toml:15: signatures.timeoutMinutes: expected a whole number, 1 to 50; got 3.5',
    'mailweir.toml:16: signatures.freshclamPath: expected an absolute path; got "freshclam"',
    'mailweir.toml:18: rules.userFile: expected a path inside the home directory, or "" for none; got "../other/.mailfilter"',
    'mailweir.toml:20: log.file: expected an absolute path; got "mailweir.log"',
  ])
})

test('a slip of the finger in a key or section is answered with the right name', () => {
  assert.deepEqual(faultsIn('[polcy]\nvirus = "tag"\n'), [
    'mailweir.toml:1: polcy: no such section; did you mean policy?',
  ])
  assert.deepEqual(faultsIn('[policy]\nvirsu = "tag"\nVirus = "tag"\n'), [
    'mailweir.toml:2: policy.virsu: no such setting; did you mean policy.virus?',
    'mailweir.toml:3: policy.Virus: no such setting; did you mean policy.virus?',
  ])
  assert.deepEqual(faultsIn('[service]\n"what is this" = 1\n'), [
    'mailweir.toml:2: service."what is this": no such setting',
  ])
})

test('a setting above its section, or in another one, is sent to where it belongs', () => {
  assert.deepEqual(faultsIn('virus = "refuse"\n'), [
    'mailweir.toml:1: virus: no such section here; it belongs in [policy]',
  ])
  assert.deepEqual(faultsIn('[clamd]\nvirus = "refuse"\n'), [
    'mailweir.toml:2: clamd.virus: no such setting here; it belongs in [policy]',
  ])
})

test('a value where a section should be is a fault at its line', () => {
  assert.deepEqual(faultsIn('\npolicy = "refuse"\n'), ['mailweir.toml:2: policy: expected a table; got "refuse"'])
  assert.deepEqual(faultsIn('[[policy]]\nvirus = "tag"\n'), [
    'mailweir.toml:1: policy: expected a table; got [{ virus = "tag" }]',
  ])
})

test('what is no TOML is shown with its line and a mark', () => {
  const [fault, ...more] = readSettings('[policy]\nvirus = refuse\n', 'mailweir.toml').faults
  assert.deepEqual(more, [])
  assert.deepEqual(fault?.place, { line: 2, column: 9 })
  assert.match(describeFault(fault), /^mailweir\.toml:2: not TOML: [^\n]+\n[^]*2: {2}virus = refuse\n +\^$/)
})

test('the same key twice is a fault, not the last one winning', () => {
  assert.match(faultsIn('[policy]\nvirus = "tag"\nvirus = "pass"\n').join(), /^mailweir\.toml:3: not TOML: /)
})

test('a long value is not printed whole', () => {
  const [fault = ''] = faultsIn(`[policy]\nvirus = "${'x'.repeat(10_000)}"\n`)
  assert.ok(fault.length < 250)
})

test('a file that is missing, no text, or a folder is a fault, not a crash', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'mailweir-settings-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const describe = async (path: string): Promise<string> => (await loadSettings(path)).faults.map(describeFault).join()
  assert.equal(
    await describe(join(folder, 'none.toml')),
    `${folder}/none.toml: cannot be read: ENOENT: no such file or directory`,
  )
  assert.match(await describe(folder), /cannot be read: EISDIR/)
  await writeFile(join(folder, 'latin.toml'), Buffer.from('# \xe4\n', 'latin1'))
  assert.match(await describe(join(folder, 'latin.toml')), /cannot be read: it is not UTF-8/)
})

test('a file on disk is read as it is', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'mailweir-settings-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'mailweir.toml'), '\ufeff[log]\nlevel = "debug"\n')
  assert.equal((await loadSettings(join(folder, 'mailweir.toml'))).settings?.log.level, 'debug')
})
