// `make run` as a newcomer sees it, from a copy of the checkout and without a network: what the table says, where the
// mail lies, and that nothing is left of it after Ctrl-C.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { cpSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, test } from 'node:test'
import { checkout, installation, publicFolder } from '../servers/installation.js'
import { isAlive, treeOf } from '../servers/process-tree.js'
import { until } from '../servers/until.js'

const START_TIMEOUT_MS = 90_000
const END_TIMEOUT_MS = 30_000
/** Nobody listens there: the signature database is not fetched, however good the network is. */
const NO_NETWORK = { https_proxy: 'http://127.0.0.1:9', http_proxy: 'http://127.0.0.1:9' }

const folder = publicFolder('demo')
const mailbox = join(folder, 'var', 'demo', 'mailbox', 'example.org', 'alice', 'Maildir')
const running = new Set<ChildProcess>()

before(() => {
  for (const name of ['bin', 'dist', 'rules', 'maildroprc', 'package.json', 'native'])
    cpSync(join(installation(), name), join(folder, name), { recursive: true, verbatimSymlinks: true })
  cpSync(join(checkout, 'demo'), join(folder, 'demo'), { recursive: true })
  symlinkSync(join(installation(), 'node_modules'), join(folder, 'node_modules'))
})

after(() => {
  for (const child of running) if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
})

type Demo = { child: ChildProcess; output: () => string; ended: Promise<number | null> }

/** Resolves when it says how to end it. */
async function startDemo(): Promise<Demo> {
  const child = spawn(process.execPath, [join(folder, 'dist', 'demo', 'run.js')], {
    cwd: folder,
    env: { ...process.env, ...NO_NETWORK },
    detached: true,
  })
  running.add(child)
  let output = ''
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString('utf8')))
  child.stderr.on('data', (bytes: Buffer) => (output += bytes.toString('utf8')))
  const ended = new Promise<number | null>(resolve => child.once('exit', resolve))
  void ended.then(() => running.delete(child))
  const demo = { child, output: () => output, ended }
  await until(
    'the demo is ready',
    () => output.includes('Ctrl-C ends everything') || !running.has(child),
    START_TIMEOUT_MS,
  )
  assert.ok(running.has(child), output)
  return demo
}

async function endDemo({ child, ended, output }: Demo, interrupt: () => void): Promise<void> {
  const pids = treeOf(child.pid ?? 0)
  // The demo itself, clamd, spamd with a child, the service with a worker at least.
  assert.ok(pids.length >= 6, `${pids.length} processes`)
  interrupt()
  await until('the demo has ended', () => !running.has(child), END_TIMEOUT_MS)
  assert.equal(await ended, 0, output())
  await until(`all of ${pids.join(', ')} are gone`, () => !pids.some(isAlive), 5_000)
}

function row(output: string, title: string): string {
  return output.split('\n').find(line => line.startsWith(`  ${title}  `)) ?? `no ${title} in ${output}`
}

function assertTable(output: string): void {
  assert.match(row(output, 'a clean mail'), /nothing found +delivered: Maildir$/)
  assert.match(
    row(output, 'the test virus in a RAR in a zip'),
    /virus \S+ in 2 offer\.zip(?: > inner\.rar > run\.exe)? +refused: 554 5\.7\.1 /,
  )
  assert.match(row(output, 'the spam test mail'), /spam 10\d\d of 5 +delivered: Maildir\/\.Junk$/)
}

function delivered(): { inbox: number; junk: number } {
  return { inbox: readdirSync(join(mailbox, 'new')).length, junk: readdirSync(join(mailbox, '.Junk', 'new')).length }
}

test('the table says what was found and where each mail went, SIGINT ends everything, and it runs again', async () => {
  const first = await startDemo()
  assertTable(first.output())
  assert.match(first.output(), /ONLY a local signature/)
  assert.deepEqual(delivered(), { inbox: 1, junk: 1 })
  await endDemo(first, () => first.child.kill('SIGINT'))

  const second = await startDemo()
  assertTable(second.output())
  assert.deepEqual(delivered(), { inbox: 2, junk: 2 })
  // A terminal's Ctrl-C reaches every process of the group.
  await endDemo(second, () => process.kill(-(second.child.pid ?? 0), 'SIGINT'))
})
