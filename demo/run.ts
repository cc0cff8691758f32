// `make run`: a whole mail filter under ./var, from nothing. Starts the scanners that this machine has and the service,
// sends three messages through its SMTP front, prints where each went and why, and runs on until Ctrl-C.
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chownSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createTransport } from 'nodemailer'
import { samples } from './samples.js'
import type { Sample } from './samples.js'
import { listening, startClamd, startSpamd } from './scanners.js'
import type { Scanner } from './scanners.js'

const checkout = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const folder = join(checkout, 'var', 'demo')
const DOMAIN = 'example.org'
const RECIPIENT = `alice@${DOMAIN}`
const DELIVERY_TIMEOUT_MS = 60_000

type Account = { name: string; uid: number; gid: number }

const children: ChildProcess[] = []

async function main(): Promise<void> {
  process.on('SIGINT', () => void end(0))
  process.on('SIGTERM', () => void end(0))
  run(join(checkout, 'demo', 'install-scanners.sh'))
  const owner = process.getuid?.() === 0 ? ownerOfMail() : null
  makeFolders(owner)
  say('starting clamd and spamd ...')
  const clamd = keep(await startClamd(join(folder, 'clamd'), owner && accountOf('clamav', owner), say))
  const spamd = keep(await startSpamd(join(folder, 'spamd'), owner && accountOf('nobody', owner)))
  const ports = { smtp: await portFrom(2525), lmtp: await portFrom(2424) }
  writeFileSync(join(folder, 'mailweir.toml'), settings(owner, clamd, spamd, ports))
  await startService(ports.smtp)
  say(`viruses: ${clamd ? `clamd, ${clamd.says}` : 'NOT SCANNED FOR, there is no clamd on this machine'}`)
  say(`spam:    ${spamd ? `spamd, ${spamd.says}` : 'NOT CHECKED FOR, there is no spamd on this machine'}`)
  const runId = Date.now().toString(36)
  for (const sample of samples(RECIPIENT, runId)) await send(sample, ports.smtp)
  printTable(samples(RECIPIENT, runId))
  say(`
The service runs on. Send it mail of your own:
  swaks --server 127.0.0.1:${ports.smtp} --to ${RECIPIENT}
  mail lies in   ${relative(join(folder, 'mailbox', DOMAIN, 'alice', 'Maildir'))}
  what happened  tail -f ${relative(join(folder, 'maildrop.log'))} ${relative(join(folder, 'mailweir.log'))}
  the settings   ${relative(join(folder, 'mailweir.toml'))}
Ctrl-C ends everything.`)
}

/** Mail is not handled as root: nobody does it, unless nobody cannot even read the checkout. */
function ownerOfMail(): Account {
  for (let path = checkout; path !== '/'; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) {
      say(`${path} is private to its owner, so this demo runs as root; a real service never does`)
      return { name: 'root', uid: 0, gid: 0 }
    }
  }
  return accountOf('nobody', { name: 'root', uid: 0, gid: 0 })
}

/** The account of that name, or `owner` where it is root's folder that only root can read, or there is no such account. */
function accountOf(name: string, owner: Account): Account {
  const id = (flag: string): number => Number(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout.trim() || NaN)
  const account = { name, uid: id('-u'), gid: id('-g') }
  const usable = !Number.isNaN(account.uid) && (owner.uid !== 0 || name === 'nobody')
  return usable ? account : owner
}

function makeFolders(owner: Account | null): void {
  rmSync(join(folder, 'mailweir.log'), { force: true })
  for (const name of [
    '',
    'run',
    'state',
    'mailbox',
    `mailbox/${DOMAIN}`,
    `mailbox/${DOMAIN}/alice`,
    `mailbox/${DOMAIN}/bob`,
  ]) {
    const path = join(folder, name)
    mkdirSync(path, { recursive: true, mode: 0o755 })
    if (owner && name !== '') chownSync(path, owner.uid, owner.gid)
  }
}

function settings(
  owner: Account | null,
  clamd: Scanner | null,
  spamd: Scanner | null,
  ports: { smtp: number; lmtp: number },
): string {
  const scanner = (name: string, found: Scanner | null): string =>
    `[${name}]\nenabled = ${found !== null}\n${found ? `socket = "${found.socket}"\n` : ''}`
  return `# The demo's settings, written anew by every make run.
[service]
hostName = "mailweir.demo.example"
${owner ? `user = "${owner.name}"\n` : ''}[lmtp]
listen = ["unix:${folder}/run/lmtp.sock", "127.0.0.1:${ports.lmtp}"]
[smtp]
enabled = true
listen = ["127.0.0.1:${ports.smtp}"]
domains = ["${DOMAIN}"]
[spool]
directory = "${folder}/state/spool"
[unpack]
scratchDirectory = "${folder}/state/scratch"
${scanner('clamd', clamd)}${scanner('spamd', spamd)}[users]
templateHome = "${folder}/mailbox/%d/%n"
[rules]
siteFile = "${checkout}/maildroprc"
[signatures]
enabled = false
[log]
file = "${folder}/mailweir.log"
maildropLog = "${folder}/maildrop.log"
`
}

async function startService(smtpPort: number): Promise<void> {
  const output = openSync(join(folder, 'service.out'), 'w')
  const child = spawn(join(checkout, 'bin', 'mailweir'), ['serve', '--config', join(folder, 'mailweir.toml')], {
    stdio: ['ignore', output, output],
  })
  children.push(child)
  child.once('exit', code => {
    if (!ending) fail(`the service ended with ${code}`)
  })
  if (!(await listening({ host: '127.0.0.1', port: smtpPort }, child, 30_000))) fail('the service does not start')
}

/** A refusal is an answer too: what became of the message is read from the log. */
async function send(sample: Sample, port: number): Promise<void> {
  const client = createTransport({
    host: '127.0.0.1',
    port,
    secure: false,
    ignoreTLS: true,
    socketTimeout: DELIVERY_TIMEOUT_MS,
  })
  const envelope = { from: 'demo@sender.example', to: [RECIPIENT] }
  await client.sendMail({ envelope, raw: sample.data }).catch((error: unknown) => {
    if ((error as { responseCode?: number }).responseCode === undefined) throw error
  })
  client.close()
  const deadline = Date.now() + DELIVERY_TIMEOUT_MS
  while (!logged(sample) && Date.now() < deadline) await sleep(50)
}

type LogLine = { messageId?: string; outcome?: string; mailbox?: string | null; findings?: string[]; reply?: string }

function logged(sample: Sample): LogLine | null {
  const lines = readFileSync(join(folder, 'mailweir.log'), 'utf8').split('\n').filter(Boolean)
  return lines.map(line => JSON.parse(line) as LogLine).find(line => line.messageId === sample.messageId) ?? null
}

function printTable(sent: readonly Sample[]): void {
  const rows = sent.map(sample => {
    const line = logged(sample)
    const where = line?.mailbox ?? line?.reply ?? 'no answer'
    return [sample.title, line?.findings?.join('; ') || 'nothing found', `${line?.outcome ?? 'unknown'}: ${where}`]
  })
  const table = [['message', 'findings', 'where it went'], ...rows]
  const widths = [0, 1].map(column => Math.max(...table.map(row => row[column]!.length)))
  say('')
  for (const [first = '', second = '', third = ''] of table)
    say(`  ${first.padEnd(widths[0]!)}  ${second.padEnd(widths[1]!)}  ${third}`)
}

function keep(scanner: Scanner | null): Scanner | null {
  if (scanner) children.push(scanner.process)
  return scanner
}

/** The port itself, or any other when somebody has it. */
async function portFrom(wanted: number): Promise<number> {
  return (await portIfFree(wanted)) ?? (await portIfFree(0)) ?? wanted
}

function portIfFree(port: number): Promise<number | null> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(null))
    server.listen(port, '127.0.0.1', () => {
      const { port: found } = server.address() as AddressInfo
      server.close(() => resolve(found))
    })
  })
}

let ending = false

async function end(code: number): Promise<never> {
  if (!ending) {
    ending = true
    say('\nending ...')
    const alive = children.filter(child => child.exitCode === null && child.signalCode === null)
    const ended = alive.map(child => new Promise(resolve => child.once('exit', resolve)))
    for (const child of alive.reverse()) child.kill('SIGTERM')
    await Promise.race([Promise.all(ended), sleep(20_000, undefined, { ref: false })])
    for (const child of alive) child.kill('SIGKILL')
  }
  process.exit(code)
}

function fail(what: string): void {
  say(
    `${what}; its last words:\n${readFileSync(join(folder, 'service.out'), 'utf8').split('\n').slice(-15).join('\n')}`,
  )
  void end(1)
}

function run(script: string): void {
  spawnSync(script, [], { stdio: ['ignore', 'inherit', 'inherit'] })
}

function relative(path: string): string {
  return path.startsWith(`${process.cwd()}/`) ? path.slice(process.cwd().length + 1) : path
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

await main().catch((error: unknown) => {
  say(`the demo failed: ${error instanceof Error ? error.message : String(error)}`)
  void end(1)
})
