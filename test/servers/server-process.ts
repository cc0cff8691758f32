// A real server as a child of the test: ended with the test whatever becomes of it, its output in a log file.
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type ServerCommand = {
  readonly name: string
  readonly argv: readonly string[]
  readonly logFile: string
  readonly env?: NodeJS.ProcessEnv
  /** Who the server is when we are root; it is never us then. */
  readonly runAs?: string
}

const running = new Set<ServerProcess>()
process.once('exit', () => {
  for (const server of running) server.signal('SIGKILL')
})

export class ServerProcess {
  readonly #child: ChildProcess
  readonly #logFile: string
  readonly #name: string
  readonly #ended: Promise<void>

  constructor({ name, argv, logFile, env, runAs }: ServerCommand) {
    const log = openSync(logFile, 'a')
    const isRoot = process.getuid?.() === 0
    const identity = isRoot && runAs ? ['--reuid', runAs, '--regid', runAs, '--init-groups'] : []
    // A group of its own, so that its children get the signals too; and gone even when the test itself is killed.
    const command = ['setpriv', ...identity, '--pdeathsig', 'KILL', ...argv]
    this.#child = spawn(command[0]!, command.slice(1), {
      stdio: ['ignore', log, log],
      detached: true,
      env: env ?? process.env,
    })
    closeSync(log)
    this.#logFile = logFile
    this.#name = name
    this.#ended = new Promise(resolve => {
      this.#child.once('error', () => resolve())
      this.#child.once('exit', () => resolve())
    })
    running.add(this)
    void this.#ended.then(() => running.delete(this))
  }

  get hasEnded(): boolean {
    return !running.has(this)
  }

  /** Waits until the server gives the right answer to one question; throws with the end of its log when it never does. */
  async untilReady(isReady: () => Promise<boolean>, withinMs: number): Promise<void> {
    const giveUpAt = Date.now() + withinMs
    while (!(await isReady())) {
      if (this.hasEnded || Date.now() > giveUpAt) {
        await this.kill()
        throw new Error(`${this.#name} did not start:\n${this.log().slice(-3000)}`)
      }
      await sleep(50)
    }
  }

  log(): string {
    return existsSync(this.#logFile) ? readFileSync(this.#logFile, 'latin1') : ''
  }

  signal(signal: NodeJS.Signals): void {
    const pid = this.#child.pid
    if (pid === undefined || this.hasEnded) return
    try {
      process.kill(-pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  /** Ends the server as an administrator would, and by force when that takes longer than ten seconds. */
  async stop(): Promise<void> {
    this.signal('SIGCONT')
    this.signal('SIGTERM')
    await Promise.race([this.#ended, sleep(10_000, undefined, { ref: false })])
    await this.kill()
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.#ended
  }
}

/** One question and all that is answered until the server hangs up; empty when there is nobody. */
export function askOnce(address: { path: string } | { port: number; host: string }, question: string): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(address)
    let answer = ''
    socket.setTimeout(2000, () => socket.destroy())
    socket.on('connect', () => socket.write(question))
    socket.on('data', (bytes: Buffer) => (answer += bytes.toString('latin1')))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve(answer))
  })
}
