// A real spamd with Debian's rules and local tests only (no network), on a unix socket and on 127.0.0.1.
// When root starts the test, spamd runs as Debian's user for it, since it refuses to work as root.
import { appendFileSync, chmodSync, chownSync, cpSync, mkdirSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { freePort } from './free-port.js'
import { askOnce, ServerProcess } from './server-process.js'

export type SpamdServer = {
  /** As the settings name them. */
  readonly unixSocket: string
  readonly tcpSocket: string
  readonly logFile: string
  /** What it has logged until now. */
  log(): string
  stop(): Promise<void>
  kill(): Promise<void>
  freeze(): void
  thaw(): void
}

export type SpamdOptions = {
  /** Exists, and is removed by the test; made searchable for everyone, so that spamd can reach its own folders in it. */
  readonly directory: string
  readonly port?: number
  readonly maxChildren?: number
}

const SPAMD_USER = 'debian-spamd'
const READY_WITHIN_MS = 60_000

export async function startSpamd(options: SpamdOptions): Promise<SpamdServer> {
  const { directory, maxChildren = 2 } = options
  const port = options.port ?? (await freePort())
  const home = join(directory, 'spamd-home')
  const settings = join(directory, 'spamd-settings')
  const path = join(home, 'spamd.sock')
  mkdirSync(home, { recursive: true })
  cpSync('/etc/spamassassin', settings, { recursive: true })
  // Nothing is learned, so that every run of a test sees the same scores.
  appendFileSync(join(settings, 'local.cf'), 'use_bayes 0\nbayes_auto_learn 0\n')
  if (process.getuid?.() === 0) giveTo(SPAMD_USER, directory, home)
  const logFile = join(directory, 'spamd.log')
  const argv = [
    '/usr/sbin/spamd',
    '--local',
    '--nouser-config',
    '--helper-home-dir',
    home,
    '--siteconfigpath',
    settings,
  ]
  argv.push('--min-children', '1', '--max-children', String(maxChildren), '--syslog', 'stderr')
  argv.push('--listen', `127.0.0.1:${port}`, '--listen', path, '--socketmode', '0666')
  const env = { ...process.env, HOME: home, LANG: 'C.UTF-8' }
  const server = new ServerProcess({ name: 'spamd', argv, logFile, env, runAs: SPAMD_USER })
  const ping = 'PING SPAMC/1.5\r\n\r\n'
  await server.untilReady(async () => {
    const answers = await Promise.all([askOnce({ path }, ping), askOnce({ port, host: '127.0.0.1' }, ping)])
    return answers.every(answer => answer.includes(' 0 PONG'))
  }, READY_WITHIN_MS)
  return {
    unixSocket: `unix:${path}`,
    tcpSocket: `127.0.0.1:${port}`,
    logFile,
    log: () => server.log(),
    stop: () => server.stop(),
    kill: () => server.kill(),
    freeze: () => server.signal('SIGSTOP'),
    thaw: () => server.signal('SIGCONT'),
  }
}

function giveTo(user: string, directory: string, home: string): void {
  const idOf = (what: string) => Number(execFileSync('id', [what, user], { encoding: 'latin1' }))
  chmodSync(directory, 0o711)
  chownSync(home, idOf('-u'), idOf('-g'))
}
