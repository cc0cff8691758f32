// The service as it is measured: rules as the site's maildroprc, no scanners (the peers scan nothing), ten users.
import { chownSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { checkout } from '../test/servers/installation.js'
import { until } from '../test/servers/until.js'
import { accepts } from './accepts.js'
import { makeMaildir } from './scratch.js'
import type { Bench } from './scratch.js'

export type Ours = {
  readonly socketPath: string
  readonly homes: string
  readonly pid: number
  /** `user3@pipe.example`; n from 0 to 9. */
  address(n: number | '%d', domain?: string): string
  stop(): Promise<void>
}

const DOMAINS = ['bench.example', 'pipe.example', 'lmtp.example']

let started = 0

export async function startOurs(bench: Bench, maildroprc: string): Promise<Ours> {
  const folder = join(bench.scratch, `ours-${++started}`)
  const homes = join(folder, 'home')
  const socketPath = join(folder, 'run', 'lmtp.sock')
  for (const path of ['', 'run', 'state', 'home', ...DOMAINS.map(domain => join('home', domain))]) {
    mkdirSync(join(folder, path), { recursive: true, mode: 0o755 })
    chownSync(join(folder, path), bench.user.uid, bench.user.gid)
  }
  for (const domain of DOMAINS) for (let n = 0; n < 10; n++) makeHome(join(homes, domain, `user${n}`), bench)
  writeFileSync(join(folder, 'maildroprc'), maildroprc)
  const config = join(folder, 'mailweir.toml')
  writeFileSync(config, settings(bench, folder, socketPath))
  const output = openSync(join(folder, 'service.out'), 'a')
  const child = spawn(join(checkout, 'bin', 'mailweir'), ['serve', '--config', config], {
    stdio: ['ignore', output, output],
  })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  await until('the service listens', () => accepts(socketPath))
  return {
    socketPath,
    homes,
    pid: child.pid ?? 0,
    address: (n, domain = 'bench.example') => `user${n}@${domain}`,
    stop: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}

function makeHome(home: string, bench: Bench): void {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  chownSync(home, bench.user.uid, bench.user.gid)
  makeMaildir(join(home, 'Maildir'), bench.user)
}

function settings(bench: Bench, folder: string, socketPath: string): string {
  return `[service]
user = "${bench.user.name}"
[lmtp]
listen = ["unix:${socketPath}"]
[spool]
directory = "${folder}/state/spool"
[unpack]
scratchDirectory = "${folder}/state/scratch"
[log]
file = "${folder}/service.log"
[users]
templateHome = "${folder}/home/%d/%n"
[rules]
siteFile = "${folder}/maildroprc"
[clamd]
enabled = false
[spamd]
enabled = false
[signatures]
enabled = false
`
}
