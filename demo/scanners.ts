// clamd and spamd for the demo, started beside whatever the machine runs already, in folders of their own.
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { eicar } from '../test/servers/test-virus.js'

export type Scanner = {
  /** As `socket` in the settings. */
  readonly socket: string
  readonly process: ChildProcess
  readonly says: string
}

/** With root, ClamAV's own user reads the signatures and the mail; else whoever started the demo. */
type Owner = { name: string; uid: number; gid: number } | null

const FRESHCLAM_TIMEOUT_MS = 10 * 60_000
/** The real database takes clamd most of a minute. */
const CLAMD_START_TIMEOUT_MS = 180_000
const SPAMD_START_TIMEOUT_MS = 60_000

function programAt(name: string): string | null {
  return (
    ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin'].map(folder => join(folder, name)).find(existsSync) ??
    null
  )
}

/** Null when there is no clamd on this machine, or it does not start. */
export async function startClamd(folder: string, owner: Owner, say: (line: string) => void): Promise<Scanner | null> {
  const clamd = programAt('clamd')
  if (!clamd) return null
  const database = join(folder, 'signatures')
  for (const path of [folder, database]) makeFolder(path, owner)
  const says = fetchSignatures(folder, database, owner, say)
  const socket = join(folder, 'clamd.sock')
  rmSync(socket, { force: true })
  const config = join(folder, 'clamd.conf')
  writeFileSync(
    config,
    `DatabaseDirectory ${database}\nLocalSocket ${socket}\nLocalSocketMode 666\nForeground yes\nTemporaryDirectory ${folder}\n${owner ? `User ${owner.name}\n` : ''}`,
  )
  const child = spawn(clamd, ['--config-file', config], {
    stdio: ['ignore', openSync(join(folder, 'clamd.out'), 'w'), 'inherit'],
  })
  const started = await listening({ path: socket }, child, CLAMD_START_TIMEOUT_MS)
  if (!started) return null
  return { socket: `unix:${socket}`, process: child, says }
}

/** Runs freshclam into the demo's own folder; when that fails, a signature for the test virus takes its place. */
function fetchSignatures(folder: string, database: string, owner: Owner, say: (line: string) => void): string {
  const local = join(database, 'demo.ndb')
  const freshclam = programAt('freshclam')
  if (freshclam) {
    say('fetching the signature database with freshclam (some 100 MB the first time) ...')
    const config = join(folder, 'freshclam.conf')
    const lines = [
      `DatabaseDirectory ${database}`,
      'DatabaseMirror database.clamav.net',
      'MaxAttempts 1',
      'ConnectTimeout 10',
      'TestDatabases no',
      'Foreground yes',
    ]
    writeFileSync(config, [...lines, ...(owner ? [`DatabaseOwner ${owner.name}`] : []), ''].join('\n'))
    const ran = spawnSync(freshclam, [`--config-file=${config}`, '--stdout'], {
      timeout: FRESHCLAM_TIMEOUT_MS,
      encoding: 'utf8',
    })
    writeFileSync(join(folder, 'freshclam.out'), `${ran.stdout}${ran.stderr}`)
  }
  if (readdirSync(database).some(name => /^(main|daily)\.c[vl]d$/.test(name))) {
    rmSync(local, { force: true })
    return "ClamAV's signatures"
  }
  writeFileSync(local, `Demo.Test-Virus:0:*:${eicar().toString('hex')}\n`)
  return 'ONLY a local signature for the test virus: the signature database could not be fetched, no other virus is known'
}

/** Null when there is no spamd on this machine, or it does not start. */
export async function startSpamd(folder: string, owner: Owner): Promise<Scanner | null> {
  const spamd = programAt('spamd')
  if (!spamd) return null
  makeFolder(folder, owner)
  const socket = join(folder, 'spamd.sock')
  rmSync(socket, { force: true })
  const args = [
    '--local',
    '--max-children=2',
    '--nouser-config',
    `--socketpath=${socket}`,
    '--socketmode=666',
    `--helper-home-dir=${folder}`,
    '--syslog=stderr',
  ]
  const user = owner ? [`--username=${owner.name}`] : []
  const output = openSync(join(folder, 'spamd.out'), 'w')
  const child = spawn(spamd, [...args, ...user], { stdio: ['ignore', output, output] })
  const started = await listening({ path: socket }, child, SPAMD_START_TIMEOUT_MS)
  return started ? { socket: `unix:${socket}`, process: child, says: "SpamAssassin's local rules" } : null
}

/** Waits until somebody takes connections there. */
export async function listening(
  target: { path: string } | { host: string; port: number },
  child: ChildProcess,
  timeoutMs: number,
): Promise<boolean> {
  const deadline = Date.now() + timeoutMs
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    if (await connects(target)) return true
    await sleep(100)
  }
  return false
}

function connects(target: { path: string } | { host: string; port: number }): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection(target)
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

function makeFolder(path: string, owner: Owner): void {
  mkdirSync(path, { recursive: true, mode: 0o755 })
  if (owner) chownSync(path, owner.uid, owner.gid)
}
