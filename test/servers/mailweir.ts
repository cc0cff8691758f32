// The service itself, started as an administrator starts it: `mailweir serve --config FILE`.
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, openSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { installation } from './installation.js'
import { childrenOf } from './process-tree.js'
import { until } from './until.js'

/** The user that owns the tests' mailboxes. As root the workers become this user, as Postfix's pipe does. */
export const MAIL_USER = process.getuid?.() === 0 ? 'nobody' : null

export type Mailweir = {
  readonly socketPath: string
  readonly configPath: string
  readonly directory: string
  readonly pid: number
  /** Makes a mailbox for `name@domain` and returns its home. */
  addUser(address: string): string
  /** The messages in a folder of a user's Maildir, as text. */
  messagesIn(address: string, folder?: string): string[]
  log(): string
  /** The lines of the log about messages, one per message and recipient. */
  deliveries(): LoggedDelivery[]
  maildropLog(): string
  /** The processes that take mail. */
  workerPids(): number[]
  /** Gives the user a .mailfilter. */
  writeFilter(address: string, filter: string): void
  /** Writes other settings, for the next start or reload. */
  changeSettings(changes: Partial<MailweirOptions>): void
  /** SIGHUP. */
  reload(): void
  /** SIGTERM, and waits for the end; resolves with the exit code. */
  stop(): Promise<number | null>
  /** kill -9 to every process of the service. */
  kill(): Promise<void>
  start(): Promise<void>
}

export type LoggedDelivery = {
  readonly messageId: string | null
  readonly recipient: string
  readonly outcome: string
  readonly findings: readonly string[]
  readonly durationMs: number
}

export type MailweirOptions = {
  /** Readable for every user (publicFolder). */
  directory: string
  /** Tables added to the settings: `[clamd]` and so on. */
  settings?: string
  /** Lines added to tables that the tests' settings have already. */
  service?: string
  lmtp?: string
  spool?: string
  /** The site's maildroprc; empty when not given. */
  maildroprc?: string
  lmtpPort?: number
}

export async function startMailweir(options: MailweirOptions): Promise<Mailweir> {
  const service = new Service(options)
  await service.start()
  return service
}

class Service implements Mailweir {
  readonly directory: string
  readonly socketPath: string
  readonly configPath: string
  private child: ChildProcess | null = null
  private ended: Promise<number | null> = Promise.resolve(null)

  constructor(private readonly options: MailweirOptions) {
    this.directory = options.directory
    this.socketPath = join(this.directory, 'run', 'lmtp.sock')
    this.configPath = join(this.directory, 'mailweir.toml')
    for (const name of ['run', 'state', 'home']) this.makeFolder(join(this.directory, name))
    writeFileSync(join(this.directory, 'maildroprc'), options.maildroprc ?? '')
    writeFileSync(this.configPath, this.settings(options))
    process.on('exit', () => this.killGroup())
  }

  get pid(): number {
    return this.child?.pid ?? 0
  }

  async start(): Promise<void> {
    const output = openSync(join(this.directory, 'service.out'), 'a')
    const child = spawn(join(installation(), 'bin', 'mailweir'), ['serve', '--config', this.configPath], {
      detached: true,
      stdio: ['ignore', output, output],
    })
    this.child = child
    this.ended = new Promise(resolve => child.once('exit', code => resolve(code)))
    await until('the service answers on its socket', () => this.answers()).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.log()}`)
    })
  }

  async stop(): Promise<number | null> {
    this.child?.kill('SIGTERM')
    return this.ended
  }

  async kill(): Promise<void> {
    this.killGroup()
    await this.ended
  }

  addUser(address: string): string {
    const [name = '', domain = ''] = address.split('@')
    this.makeFolder(join(this.directory, 'home', domain))
    const home = join(this.directory, 'home', domain, name)
    this.makeFolder(home)
    return home
  }

  messagesIn(address: string, folder = ''): string[] {
    const [name = '', domain = ''] = address.split('@')
    const path = join(this.directory, 'home', domain, name, 'Maildir', folder, 'new')
    try {
      return readdirSync(path).map(file => readFileSync(join(path, file), 'latin1'))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }

  log(): string {
    return readFileSync(join(this.directory, 'service.out'), 'utf8')
  }

  deliveries(): LoggedDelivery[] {
    const lines = this.log().split('\n')
    // The last line may still be on its way; faults of settings are no JSON.
    return lines
      .slice(0, -1)
      .filter(line => line.startsWith('{') && line.includes('"outcome":'))
      .map(line => JSON.parse(line) as LoggedDelivery)
  }

  workerPids(): number[] {
    return childrenOf(this.pid)
  }

  writeFilter(address: string, filter: string): void {
    const path = join(this.addUser(address), '.mailfilter')
    writeFileSync(path, filter)
    chmodSync(path, 0o600)
    if (MAIL_USER) chownSync(path, idOf('-u'), idOf('-g'))
  }

  changeSettings(changes: Partial<MailweirOptions>): void {
    writeFileSync(this.configPath, this.settings({ ...this.options, ...changes }))
  }

  reload(): void {
    this.child?.kill('SIGHUP')
  }

  maildropLog(): string {
    return readFileSync(join(this.directory, 'maildrop.log'), 'latin1')
  }

  private settings(options: MailweirOptions): string {
    const tcp = options.lmtpPort === undefined ? '' : `, "127.0.0.1:${options.lmtpPort}"`
    return `[service]
hostName = "mx.test.example"
${MAIL_USER ? `user = "${MAIL_USER}"` : ''}
${options.service ?? ''}
[lmtp]
listen = ["unix:${this.socketPath}"${tcp}]
${options.lmtp ?? ''}
[spool]
directory = "${this.directory}/state/spool"
${options.spool ?? ''}
[unpack]
scratchDirectory = "${this.directory}/state/scratch"
[users]
templateHome = "${this.directory}/home/%d/%n"
[rules]
siteFile = "${this.directory}/maildroprc"
[signatures]
enabled = false
[log]
maildropLog = "${this.directory}/maildrop.log"
${options.settings ?? '[clamd]\nenabled = false\n[spamd]\nenabled = false\n'}`
  }

  private makeFolder(path: string): void {
    mkdirSync(path, { recursive: true })
    if (MAIL_USER) chownSync(path, idOf('-u'), idOf('-g'))
  }

  private answers(): Promise<boolean> {
    return new Promise(resolve => {
      const socket = createConnection(this.socketPath)
      socket.once('data', () => resolve(true)).once('error', () => resolve(false))
      socket.once('data', () => socket.destroy())
    })
  }

  private killGroup(): void {
    const pid = this.child?.pid
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

const ids = new Map<string, number>()

function idOf(flag: '-u' | '-g'): number {
  const known = ids.get(flag)
  if (known !== undefined) return known
  const id = Number(spawnSync('id', [flag, MAIL_USER ?? ''], { encoding: 'utf8' }).stdout.trim())
  ids.set(flag, id)
  return id
}
