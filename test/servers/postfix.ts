// A Postfix of the test's own: configuration, queue and log in the test's folder, smtpd on a free port of loopback.
// Mail for `pipe.example` goes through pipe(8) to `maildrop -d`, mail for `lmtp.example` through lmtp(8).
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './free-port.js'
import { until } from './until.js'

export type Postfix = {
  readonly port: number
  /** Hands a message to smtpd as a client would and returns the client's transcript; throws when smtpd refuses it. */
  send(options: { from: string; to: string[]; data: string }): string
  log(): string
  /** The queue as `postqueue -j` prints it, one object per message. */
  queue(): QueuedMessage[]
  /** Tries everything that is deferred at once. */
  flush(): void
  stop(): void
}

export type QueuedMessage = {
  queue_name: string
  queue_id: string
  sender: string
  recipients: { address: string; delay_reason?: string }[]
}

export type PostfixOptions = {
  /** Must be readable for every user: Postfix's own processes work in it. */
  directory: string
  /** `user=nobody argv=/path/maildrop -d ${recipient}` */
  pipeCommand: string
  lmtpSocket: string
}

export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const folder = join(options.directory, 'postfix')
  const etc = join(folder, 'etc')
  for (const name of ['etc', 'queue', 'data']) mkdirSync(join(folder, name), { recursive: true })
  for (const path of [folder, etc, join(folder, 'queue')]) chmodSync(path, 0o755)
  const postfixUid = Number(run('id', ['-u', 'postfix']).trim())
  chownSync(join(folder, 'data'), postfixUid, 0)
  const port = await freePort()
  writeFileSync(join(etc, 'main.cf'), mainCf(folder, options))
  writeFileSync(join(etc, 'master.cf'), masterCf(port, options))
  for (const name of ['dynamicmaps.cf', 'dynamicmaps.cf.d', 'postfix-files', 'postfix-files.d']) {
    if (existsSync(join('/etc/postfix', name))) cpSync(join('/etc/postfix', name), join(etc, name), { recursive: true })
  }
  run('postfix', ['-c', etc, 'start'])
  await until('Postfix listens', () => isListening(port), 20_000)
  return handle(folder, etc, port)
}

function handle(folder: string, etc: string, port: number): Postfix {
  return {
    port,
    send: ({ from, to, data }) =>
      run(
        'swaks',
        ['--server', `127.0.0.1:${port}`, '--from', from, '--to', to.join(','), '--data', '-', '--suppress-data'],
        data,
      ),
    log: () => readFileSync(join(folder, 'mail.log'), 'utf8'),
    queue: () =>
      run('postqueue', ['-c', etc, '-j'])
        .split('\n')
        .filter(line => line.startsWith('{'))
        .map(line => JSON.parse(line) as QueuedMessage),
    flush: () => void run('postqueue', ['-c', etc, '-f']),
    stop: () => void spawnSync('postfix', ['-c', etc, 'stop'], { stdio: 'ignore', timeout: 30_000 }),
  }
}

/** bounce_size_limit: bounces return the header only; with the virus in them they would themselves be refused. */
function mainCf(folder: string, options: PostfixOptions): string {
  return `compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.test.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = pipe.example, lmtp.example
transport_maps = inline:{ { pipe.example = maildrop: } { lmtp.example = lmtp:unix:${options.lmtpSocket} } }
maildrop_destination_recipient_limit = 1
maillog_file = ${folder}/mail.log
maillog_file_prefixes = ${folder}
message_size_limit = 104857600
bounce_size_limit = 1
minimal_backoff_time = 2s
maximal_backoff_time = 5s
queue_run_delay = 3s
transport_retry_time = 2s
in_flow_delay = 0
notify_classes =
`
}

function masterCf(port: number, options: PostfixOptions): string {
  return `127.0.0.1:${port} inet n - n - - smtpd
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       n       -       -       smtp
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
local     unix  -       n       n       -       -       local
virtual   unix  -       n       n       -       -       virtual
lmtp      unix  -       -       n       -       -       lmtp
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
showq     unix  n       -       n       -       -       showq
postlog   unix-dgram n  -       n       -       1       postlogd
maildrop  unix  -       n       n       -       -       pipe
  flags=DRhu ${options.pipeCommand}
`
}

function run(command: string, args: string[], input = ''): string {
  const ran = spawnSync(command, args, { input, encoding: 'utf8', timeout: 60_000, maxBuffer: 64 * 1024 * 1024 })
  if (ran.error) throw ran.error
  if (ran.status !== 0) throw new Error(`${command} ended with ${ran.status}: ${ran.stdout}${ran.stderr}`)
  return ran.stdout
}

function isListening(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  return readFileSync('/proc/net/tcp', 'utf8').includes(`:${hex} 00000000:0000 0A`)
}
