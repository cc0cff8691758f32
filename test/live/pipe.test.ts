// `maildrop -d`, as an MTA's pipe runs it: the exit code and the words for everything that can become of a message,
// with the service, without it, with a full disk, and beside the real maildrop.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, describe, test } from 'node:test'
import { startClamd } from '../servers/clamd.js'
import type { ClamdServer } from '../servers/clamd.js'
import { installation, publicFolder } from '../servers/installation.js'
import { plainMail } from '../servers/mail.js'
import { MAIL_USER, startMailweir } from '../servers/mailweir.js'
import type { Mailweir } from '../servers/mailweir.js'
import { eicar } from '../servers/test-virus.js'

const RECIPIENT = 'joe@example.org'
const MAX_MESSAGE_BYTES = 1024 * 1024

let clamd: ClamdServer
let mailweir: Mailweir

before(async () => {
  clamd = await startClamd({ directory: publicFolder('pipe-clamd') })
  mailweir = await startMailweir({
    directory: publicFolder('pipe'),
    spool: `maxMessageBytes = ${MAX_MESSAGE_BYTES}`,
    settings: `[clamd]\nsocket = "${clamd.tcpSocket}"\n[spamd]\nenabled = false\n`,
  })
  mailweir.addUser(RECIPIENT)
})

after(async () => {
  await Promise.all([mailweir.stop(), clamd.stop()])
})

type Ended = { readonly exitCode: number | null; readonly text: string }

/** As Postfix's pipe starts it: the mail user, hardly any environment. */
function startAsMailUser(argv: readonly string[], environment: NodeJS.ProcessEnv): ChildProcess {
  const identity = MAIL_USER ? ['setpriv', `--reuid=${MAIL_USER}`, '--regid=nogroup', '--clear-groups', '--'] : []
  const [program = '', ...args] = [...identity, ...argv]
  const child = spawn(program, args, { env: { PATH: process.env['PATH'], ...environment }, cwd: '/' })
  // Who ends before the message is read leaves us with a broken pipe.
  child.stdin.on('error', () => undefined)
  return child
}

function endOf(child: ChildProcess): Promise<Ended> {
  let text = ''
  child.stdout?.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')))
  child.stderr?.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')))
  return new Promise(resolve => child.once('close', code => resolve({ exitCode: code, text })))
}

function startMaildrop(recipient: string): ChildProcess {
  const argv = [join(installation(), 'bin', 'maildrop'), '-f', 'ann@example.com', '-d', recipient]
  return startAsMailUser(argv, { MAILWEIR_SOCKET: mailweir.socketPath, MAILWEIR_CONFIG: mailweir.configPath })
}

function maildrop(recipient: string, message: string): Promise<Ended> {
  const child = startMaildrop(recipient)
  child.stdin?.end(message)
  return endOf(child)
}

/** Resolves when the client has read a piece of the message, which it does after it has found the service. */
function takesSome(child: ChildProcess): Promise<void> {
  const piece = `Subject: the first half\n\n${`${'x'.repeat(70)}\n`.repeat(7000)}`
  return new Promise(resolve => child.stdin?.write(piece, () => resolve()))
}

describe('with the service', () => {
  test('a delivered message is 0, and nothing is printed', async () => {
    assert.deepEqual(await maildrop(RECIPIENT, plainMail('clean')), { exitCode: 0, text: '' })
    const [delivered = '', ...more] = mailweir.messagesIn(RECIPIENT)
    assert.match(delivered, /^Subject: clean$/m)
    assert.deepEqual(more, [])
  })

  test('an unknown recipient is 67, and the text says 5.1.1', async () => {
    const { exitCode, text } = await maildrop('nobody-here@example.org', plainMail('hello'))
    assert.equal(exitCode, 67)
    assert.match(text, /^5\.1\.1 .*nobody-here@example\.org/)
  })

  test('what a filter refuses is 77, in the words of the filter', async () => {
    mailweir.writeFilter('strict@example.org', 'echo "5.7.1 no advertisements"\nEXITCODE=77\nexit\n')
    assert.deepEqual(await maildrop('strict@example.org', plainMail('advertisement')), {
      exitCode: 77,
      text: '5.7.1 no advertisements\n',
    })
  })

  test("a filter's own EXITCODE passes as it is", async () => {
    for (const code of [99, 71, 1, 255]) {
      mailweir.writeFilter('own@example.org', `EXITCODE=${code}\nexit\n`)
      assert.equal((await maildrop('own@example.org', plainMail('own'))).exitCode, code)
    }
  })

  test('a virus is 77, and the text names it', async () => {
    const before = mailweir.messagesIn(RECIPIENT).length
    const { exitCode, text } = await maildrop(RECIPIENT, plainMail('offer', eicar().toString('latin1')))
    assert.equal(exitCode, 77)
    assert.match(text, /^5\.7\.1 .*Eicar-Test-Signature/)
    assert.equal(mailweir.messagesIn(RECIPIENT).length, before)
  })

  test('a message over the limit is 69', async () => {
    const { exitCode, text } = await maildrop(RECIPIENT, plainMail('large', `${'x'.repeat(70)}\n`.repeat(20_000)))
    assert.equal(exitCode, 69)
    assert.match(text, /^5\.3\.4 /)
  })

  test('a faulty filter is 75, and the text names the place', async () => {
    mailweir.writeFilter('typo@example.org', 'if (/^Subject: x/)\n{\n  to "Maildir/.X\n}\n')
    const { exitCode, text } = await maildrop('typo@example.org', plainMail('kept'))
    assert.equal(exitCode, 75)
    assert.match(text, /^4\.3\.5 .*\.mailfilter:\d+:\d+/)
  })

  test('SIGTERM to the command in the middle of a message is 75, and nothing is delivered', async () => {
    const before = mailweir.messagesIn(RECIPIENT).length
    const child = startMaildrop(RECIPIENT)
    const ended = endOf(child)
    await takesSome(child)
    child.kill('SIGTERM')
    const { exitCode, text } = await ended
    assert.equal(exitCode, 75)
    assert.match(text, /^4\.3\.0 /)
    assert.equal(mailweir.messagesIn(RECIPIENT).length, before)
  })

  test('a service that is killed in the middle of a message is 75, and nothing is delivered', async () => {
    const before = mailweir.messagesIn(RECIPIENT).length
    const child = startMaildrop(RECIPIENT)
    const ended = endOf(child)
    await takesSome(child)
    await mailweir.kill()
    child.stdin?.end('the second half\n')
    const { exitCode, text } = await ended
    assert.equal(exitCode, 75)
    assert.match(text, /^4\.3\.0 /)
    assert.equal(mailweir.messagesIn(RECIPIENT).length, before)
    await mailweir.start()
  })
})

/** Runs `then` while nothing can be written below the folder. Root gives it a disk of one page, and fills that. */
async function whileFull(folder: string, then: () => Promise<void>): Promise<void> {
  const mounted =
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k,mode=777', 'mailweir-test', folder], { stdio: 'ignore' })
      .status === 0
  try {
    if (mounted) writeFileSync(join(folder, 'filling'), Buffer.alloc(4096))
    else chmodSync(folder, 0o500)
    await then()
  } finally {
    if (mounted) spawnSync('umount', [folder])
    else chmodSync(folder, 0o755)
  }
}

for (const way of ['with the service', 'without a service'] as const) {
  describe(way, () => {
    before(async () => {
      if (way === 'without a service') await mailweir.stop()
    })
    after(async () => {
      if (way === 'without a service') await mailweir.start()
    })

    test('a full disk below the mailbox is 75; with room again the same message is 0', async () => {
      const user = `full-${way.length}@example.org`
      const home = mailweir.addUser(user)
      const message = plainMail('full', 'x'.repeat(10_000))
      await whileFull(home, async () => {
        const { exitCode, text } = await maildrop(user, message)
        assert.equal(exitCode, 75)
        assert.match(text, /^4\.\d\.\d /)
        assert.deepEqual(mailweir.messagesIn(user), [])
      })
      assert.equal((await maildrop(user, message)).exitCode, 0)
      assert.equal(mailweir.messagesIn(user).length, 1)
    })

    test('a full spool is 75; with room again the same message is 0', async () => {
      const user = `spool-${way.length}@example.org`
      mailweir.addUser(user)
      const message = plainMail('full', `${'x'.repeat(70)}\n`.repeat(7000))
      await whileFull(join(mailweir.directory, 'state', 'spool'), async () => {
        const { exitCode, text } = await maildrop(user, message)
        assert.equal(exitCode, 75)
        assert.match(text, /^4\.3\.\d /)
      })
      assert.equal((await maildrop(user, message)).exitCode, 0)
      assert.equal(mailweir.messagesIn(user).length, 1)
    })
  })
}

describe('without a service', () => {
  before(() => mailweir.stop())
  after(() => mailweir.start())

  test('the command delivers alone', async () => {
    const count = mailweir.messagesIn(RECIPIENT).length
    assert.deepEqual(await maildrop(RECIPIENT, plainMail('alone')), { exitCode: 0, text: '' })
    assert.equal(mailweir.messagesIn(RECIPIENT).length, count + 1)
  })

  test('the codes are the same', async () => {
    const virus = plainMail('offer', eicar().toString('latin1'))
    const large = plainMail('large', `${'x'.repeat(70)}\n`.repeat(20_000))
    mailweir.writeFilter('own@example.org', 'EXITCODE=99\nexit\n')
    assert.equal((await maildrop('nobody-here@example.org', plainMail('hello'))).exitCode, 67)
    assert.equal((await maildrop(RECIPIENT, virus)).exitCode, 77)
    assert.equal((await maildrop(RECIPIENT, large)).exitCode, 69)
    assert.equal((await maildrop('typo@example.org', plainMail('kept'))).exitCode, 75)
    assert.equal((await maildrop('own@example.org', plainMail('own'))).exitCode, 99)
  })

  test('faulty settings are 75', async () => {
    mailweir.changeSettings({ settings: '[clamd]\nsocket = 5\n' })
    const { exitCode, text } = await maildrop(RECIPIENT, plainMail('kept'))
    mailweir.changeSettings({})
    assert.equal(exitCode, 75)
    assert.match(text, /4\.3\.5 /)
  })
})

/** Where a filter puts a message to the user, and the exit code; `inbox` and `.Junk` are Maildirs that are there. */
type Result = { exitCode: number | null; inbox: number; junk: number }

function resultIn(home: string, { exitCode }: Ended): Result {
  const count = (folder: string) => readdirSync(join(home, 'Maildir', folder, 'new')).length
  return { exitCode, inbox: count(''), junk: count('.Junk') }
}

function makeMaildirs(home: string): void {
  rmSync(join(home, 'Maildir'), { recursive: true, force: true })
  const folders = ['', '.Junk'].flatMap(folder =>
    ['tmp', 'new', 'cur'].map(name => join(home, 'Maildir', folder, name)),
  )
  for (const folder of folders) mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (MAIL_USER) spawnSync('chown', ['-R', MAIL_USER, join(home, 'Maildir')])
}

const filters = [
  'to "Maildir/.Junk"',
  'cc "Maildir/.Junk"\nto "Maildir"',
  'if (/^Subject: win/)\n{\n  to "Maildir/.Junk"\n}',
  'if (/^Subject: another/)\n{\n  to "Maildir/.Junk"\n}',
  'if (/^From: .*ann@/ && $SIZE < 5000)\n{\n  EXITCODE=77\n  exit\n}',
  'EXITCODE=99\nexit',
  'EXITCODE=3\nto "Maildir/.Junk"',
  'exit',
  'cc "Maildir/.Junk"\nEXITCODE=99\nexit',
  'exception {\n  to "missing/folder"\n}\nto "Maildir/.Junk"',
  'to "missing/folder"',
  'foreach /^(To|From): .*/\n{\n  cc "Maildir/.Junk"\n}',
  'if ("$FROM" eq "ann@example.com")\n{\n  to "Maildir/.Junk"\n}',
  'if (/^Subject',
]

for (const filter of filters) {
  test(`the real maildrop puts it in the same place, with the same code: ${filter.replace(/\s*\n\s*/g, ' ')}`, async () => {
    const user = 'same@example.org'
    const message = plainMail('win a prize')
    const home = mailweir.addUser(user)
    mailweir.writeFilter(user, `${filter}\n`)
    makeMaildirs(home)
    const ours = resultIn(home, await maildrop(user, message))
    makeMaildirs(home)
    // Outside delivery mode it reads the filter that is named and the environment's variables.
    mailweir.writeFilter(user, `DEFAULT="${home}/Maildir"; ${filter}\n`)
    const argv = ['sh', '-c', 'cd "$HOME" && exec /usr/bin/maildrop -f ann@example.com ./.mailfilter']
    const real = startAsMailUser(argv, { HOME: home, SHELL: '/bin/sh' })
    real.stdin?.end(message)
    const { exitCode, text } = await endOf(real)
    assert.deepEqual(ours, resultIn(home, { exitCode, text }), text)
  })
}
