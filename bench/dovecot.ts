// Dovecot's LMTP with Pigeonhole, the peer for delivery over LMTP: its own configuration and mailboxes in a scratch folder.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../test/servers/until.js'
import { accepts } from './accepts.js'
import { sieveRules } from './rules.js'

export type Dovecot = { readonly socketPath: string; readonly home: string; stop(): Promise<void> }

/** `rules`: `trivial` delivers to the inbox, `62` runs bench/rules.ts. The mail is synced to disk, as ours is. */
export async function startDovecot(
  scratch: string,
  user: { name: string; uid: number; gid: number },
  rules: 'trivial' | '62',
): Promise<Dovecot> {
  const folder = join(scratch, `dovecot-${rules}`)
  const home = join(folder, 'home')
  const script = join(folder, 'sieve', 'bench.sieve')
  for (const path of [folder, join(folder, 'run'), home, join(folder, 'sieve')])
    mkdirSync(path, { recursive: true, mode: 0o755 })
  for (const path of [home, join(folder, 'sieve')]) chownSync(path, user.uid, user.gid)
  writeFileSync(script, rules === '62' ? sieveRules() : 'keep;\n')
  chownSync(script, user.uid, user.gid)
  const socketPath = join(folder, 'run', 'bench-lmtp')
  const config = join(folder, 'dovecot.conf')
  writeFileSync(config, configuration(folder, home, script, socketPath, user.name))
  const compiled = spawnSync('sievec', ['-c', config, script], { encoding: 'utf8' })
  if (compiled.status !== 0) throw new Error(`sievec: ${compiled.stderr}`)
  const output = openSync(join(folder, 'out.log'), 'a')
  const child = spawn('dovecot', ['-F', '-c', config], { stdio: ['ignore', output, output] })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  await until('Dovecot listens', () => accepts(socketPath))
  chmodSync(socketPath, 0o666)
  return {
    socketPath,
    home,
    stop: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}

function configuration(folder: string, home: string, script: string, socketPath: string, user: string): string {
  return `base_dir = ${folder}/run
state_dir = ${folder}/run
protocols = lmtp
listen = 127.0.0.1
log_path = ${folder}/dovecot.log
ssl = no
mail_location = maildir:~/Maildir
mail_fsync = optimized
postmaster_address = postmaster@bench.example
first_valid_uid = 100
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=${user} gid=${user} home=${home}/%n allow_all_users=yes
}
lda_mailbox_autocreate = yes
service lmtp {
  unix_listener ${socketPath} {
    mode = 0666
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
protocol lmtp {
  mail_plugins = $mail_plugins sieve
}
plugin {
  sieve = file:${script}
}
`
}
