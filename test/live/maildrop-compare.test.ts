// The golden cases through Debian's maildrop 2.9.3: same mailboxes, same exit code, same echo. Each runs in a home of
// its own, as nobody when the tests run as root, for maildrop refuses filters that are not their owner's.
// A case that differs says why in its head (`# maildrop: …`) and is not run here.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { expectation, readCases, type Case } from '../rules/case-format.js'

const MAILDROP = '/usr/bin/maildrop'
const TIMEOUT_MS = 20_000

type Result = { mailboxes: string[]; exitCode: number | null; output: string }

/** nobody's numbers when we are root; otherwise everything is ours already. */
function owner(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null
  const id = (flag: string) => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout)
  return { uid: id('-u'), gid: id('-g') }
}

function runMaildrop(theCase: Case): Result {
  const home = mkdtempSync(join(tmpdir(), 'maildrop-case-'))
  const user = owner()
  const write = (name: string, text: string, mode: number) => {
    writeFileSync(join(home, name), text)
    chmodSync(join(home, name), mode)
    if (user) chownSync(join(home, name), user.uid, user.gid)
  }
  try {
    chmodSync(home, 0o700)
    if (user) chownSync(home, user.uid, user.gid)
    // On the same line, so that the filter's lines keep their numbers.
    write('filter', `DEFAULT="./default"; ${theCase.sections.get('rules') ?? ''}`, 0o600)
    for (const [name, text] of theCase.sections) if (name.startsWith('file ')) write(name.slice(5), text, 0o600)
    // A delivery to broken/box fails because there is no folder "broken".
    const known = new Set(readdirSync(home))
    const environment = Object.fromEntries(
      [...(theCase.sections.get('environment') ?? '').matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [
        name,
        value,
      ]),
    )
    const run = spawnSync(MAILDROP, ['-f', 'sender@example.org', './filter'], {
      cwd: home,
      input: theCase.sections.get('message') ?? '',
      encoding: 'utf8',
      env: { HOME: home, PATH: '/usr/bin:/bin', ...environment },
      timeout: TIMEOUT_MS,
      ...user,
    })
    const mailboxes = readdirSync(home).filter(
      name => !known.has(name) && !name.startsWith('.') && statSync(join(home, name)).size > 0,
    )
    return { mailboxes: mailboxes.filter(name => name !== 'mail.log').sort(), exitCode: run.status, output: run.stdout }
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

/** The plan of a case in the same terms. */
function expectedResult(theCase: Case): Result {
  const { name, text } = expectation(theCase)
  if (name === 'faults') return { mailboxes: [], exitCode: 75, output: '' }
  const failing = new Set((theCase.sections.get('failing') ?? '').split('\n'))
  const lines = text.split('\n')
  const delivered = lines
    .flatMap(line => /^(?:deliver|cc|default) (\S+)/.exec(line)?.[1] ?? [])
    .filter(to => !failing.has(to))
  const exitCode = Number(/^exit(?: code)? (\d+)$/m.exec(text)?.[1] ?? 0)
  const output = lines.flatMap(line => /^echo ?(.*)$/.exec(line)?.[1] ?? []).map(line => `${line}\n`)
  return {
    mailboxes: [...new Set(delivered.map(to => to.replace(/^\.\//, '')))].sort(),
    exitCode: /^f(?:ault|ailed): /m.test(text) ? 75 : exitCode,
    output: output.join(''),
  }
}

for (const theCase of readCases()) {
  if (theCase.differs !== null) continue
  test(`maildrop agrees: ${theCase.claim}`, () => {
    const { output, ...rest } = runMaildrop(theCase)
    // Blanks at line ends are not kept in the cases.
    assert.deepEqual({ ...rest, output: output.replace(/ +$/gm, '') }, expectedResult(theCase), theCase.name)
  })
}

test('maildrop takes the shipped filter and files marked spam into .Junk', () => {
  const user = owner()
  const home = mkdtempSync(join(tmpdir(), 'maildrop-shipped-'))
  try {
    for (const folder of ['Maildir', 'Maildir/.Junk']) {
      for (const inner of ['', 'tmp', 'new', 'cur'])
        mkdirSync(join(home, folder, inner), { recursive: true, mode: 0o700 })
    }
    copyFileSync(new URL('../../../maildroprc', import.meta.url), join(home, 'filter'))
    chmodSync(join(home, 'filter'), 0o600)
    if (user) {
      for (const name of ['', ...readdirSync(home, { recursive: true, encoding: 'utf8' })])
        chownSync(join(home, name), user.uid, user.gid)
    }
    const input = 'Subject: win a prize\nX-Spam-Flag: YES\n\nbuy now\n'
    const run = spawnSync(MAILDROP, ['./filter'], {
      cwd: home,
      input,
      env: { HOME: home },
      timeout: TIMEOUT_MS,
      ...user,
    })
    assert.equal(run.status, 0, run.stderr.toString())
    assert.equal(readdirSync(join(home, 'Maildir/.Junk/new')).length, 1)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})
