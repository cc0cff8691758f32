// `mailweir serve`: the parent. It starts the workers, which share the listening sockets it holds, replaces a worker
// that dies, looks after the signatures, and ends or reloads everything on a signal. It never reads mail.
import cluster from 'node:cluster'
import type { Worker } from 'node:cluster'
import { chmod, chown, mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import process from 'node:process'
import { createLog } from '../admin/service-log.js'
import type { Log } from '../admin/service-log.js'
import { accountToRunAs } from './privileges.js'
import type { Account } from './privileges.js'
import { keepSignaturesFresh } from './keep-signatures-fresh.js'
import { removeStaleSockets, unixSockets } from './listeners.js'
import type { Settings } from './settings.js'
import { readSettingsOrExplain } from './read-settings.js'
import type { FromWorker, ToWorker } from './worker-messages.js'

/** How long a worker may take to finish what it has begun when it is asked to end. */
const SHUTDOWN_GRACE_MS = 25_000
/** A worker that dies this soon after its start has a fault that a restart will not mend at once. */
const EARLY_DEATH_MS = 5_000
const RESTART_DELAY_MS = 1_000
const MAX_EARLY_DEATHS = 5

/** Runs the service until a signal ends it. Resolves with the exit code of the command: 0, or 78 when it could not start. */
export async function serve(configPath: string): Promise<number> {
  const settings = await readSettingsOrExplain(configPath)
  if (!settings) return 78
  const account = accountToRunAs(settings)
  const log = await openLog(settings, account)
  await prepareFolders(settings, account)
  await removeStaleSockets(settings)
  if (account?.uid === 0)
    log.warn('service.user is root: mail is handled as root; name the user that owns the mailboxes')
  const parent = new Parent(configPath, settings, log)
  return parent.run()
}

/** Whoever delivers without the service, from the pipe, writes the log too: it belongs to the mail user. */
async function openLog(settings: Settings, account: Account | null): Promise<Log> {
  const { file } = settings.log
  if (file !== null) await makeFolder(dirname(file), 0o755, null)
  const log = createLog(settings.log)
  if (file !== null && account && process.getuid?.() === 0) await chown(file, account.uid, account.gid)
  return log
}

/** The folders that the settings name, made where they are missing and given to the mail user. */
async function prepareFolders(settings: Settings, account: Account | null): Promise<void> {
  const sockets = unixSockets(settings).map(path => dirname(path))
  for (const folder of sockets) await makeFolder(folder, 0o755, account)
  for (const folder of [settings.spool.directory, settings.unpack.scratchDirectory])
    await makeFolder(folder, 0o700, account)
}

async function makeFolder(folder: string, mode: number, owner: Account | null): Promise<void> {
  const created = await mkdir(folder, { recursive: true, mode: 0o755 })
  if (created === undefined) return
  await chmod(folder, mode)
  if (owner && process.getuid?.() === 0) await chown(folder, owner.uid, owner.gid)
}

class Parent {
  private readonly startedAt = new Map<number, number>()
  private readonly retiring = new Set<number>()
  /** Workers with the settings of before a reload: they end when as many new ones are ready, and stay if those fail. */
  private replaced: Worker[] = []
  private readyToReplace = 0
  private earlyDeaths = 0
  private exitCode: number | null = null
  private stopSignatures: () => Promise<void> = () => Promise.resolve()
  private signaturesEnded: Promise<void> = Promise.resolve()
  private finish: (exitCode: number) => void = () => undefined

  constructor(
    private readonly configPath: string,
    private settings: Settings,
    private log: Log,
  ) {}

  run(): Promise<number> {
    // Workers take connections from the one listening socket themselves: no hand-over by the parent.
    cluster.schedulingPolicy = cluster.SCHED_NONE
    cluster.setupPrimary({ args: ['serve', '--config', this.configPath] })
    cluster.on('message', (worker, message: FromWorker) => this.hear(worker, message))
    cluster.on('exit', (worker, code, signal) => this.buryWorker(worker, code, signal))
    process.on('SIGTERM', () => this.end(0))
    process.on('SIGINT', () => this.end(0))
    process.on('SIGHUP', () => void this.reload())
    for (let count = this.workerCount(); count > 0; count--) this.startWorker()
    this.stopSignatures = keepSignaturesFresh(this.settings, this.log)
    return new Promise(resolve => {
      this.finish = resolve
    })
  }

  private workerCount(): number {
    return this.settings.service.workers ?? availableParallelism()
  }

  private startWorker(): void {
    const worker = cluster.fork()
    this.startedAt.set(worker.id, Date.now())
  }

  private hear(worker: Worker, message: FromWorker): void {
    if (message.kind === 'ready') {
      this.earlyDeaths = 0
      this.log.info({ worker: worker.process.pid, listeningOn: message.listeningOn }, 'worker ready')
      // Told while it was starting, it may not have heard.
      if (this.exitCode !== null || this.retiring.has(worker.id)) this.tellToFinish(worker)
      else this.retireReplaced(worker)
    } else {
      this.log.error({ worker: worker.process.pid, why: message.why }, 'worker cannot start')
    }
  }

  private buryWorker(worker: Worker, code: number | null, signal: string | null): void {
    const livedMs = Date.now() - (this.startedAt.get(worker.id) ?? 0)
    this.startedAt.delete(worker.id)
    const expected = this.retiring.delete(worker.id) || this.exitCode !== null
    if (!expected) {
      this.log.error(
        { worker: worker.process.pid, code, signal },
        'worker died; its unfinished mail is tried again by the sender',
      )
      this.replaceDead(livedMs)
    }
    this.finishWhenAllEnded()
  }

  private replaceDead(livedMs: number): void {
    const diedEarly = livedMs < EARLY_DEATH_MS
    if (!diedEarly || ++this.earlyDeaths < MAX_EARLY_DEATHS) {
      setTimeout(() => this.exitCode === null && this.startWorker(), diedEarly ? RESTART_DELAY_MS : 0)
    } else if (this.replaced.length > 0) {
      this.log.error('workers with the new settings die as they start: the old ones stay')
      this.replaced = []
    } else {
      this.log.fatal('workers die as soon as they start: giving up')
      this.end(78)
    }
  }

  private end(exitCode: number): void {
    if (this.exitCode !== null) return
    this.exitCode = exitCode
    this.signaturesEnded = this.stopSignatures()
    this.log.info('ending: what was received is finished first')
    for (const worker of Object.values(cluster.workers ?? {})) if (worker) this.retire(worker)
    this.finishWhenAllEnded()
  }

  private finishWhenAllEnded(): void {
    const { exitCode } = this
    if (exitCode === null || this.startedAt.size > 0) return
    void this.signaturesEnded.then(() => this.finish(exitCode))
  }

  /** SIGHUP: new workers with the new settings first, then the old ones end. Faulty settings change nothing. */
  private async reload(): Promise<void> {
    const settings = await readSettingsOrExplain(this.configPath)
    if (this.exitCode !== null) return
    if (!settings) {
      this.log.error({ config: this.configPath }, 'not reloaded: the settings have faults (mailweir config check)')
      return
    }
    this.replaced = Object.values(cluster.workers ?? {}).filter(worker => worker !== undefined)
    this.settings = settings
    this.log = createLog(settings.log)
    this.earlyDeaths = 0
    this.readyToReplace = this.workerCount()
    void this.stopSignatures()
    this.stopSignatures = keepSignaturesFresh(settings, this.log)
    for (let count = this.workerCount(); count > 0; count--) this.startWorker()
  }

  /** The parent's listening sockets live as long as one worker has them open, so the new ones come first. */
  private retireReplaced(ready: Worker): void {
    if (this.replaced.length === 0 || this.replaced.includes(ready) || --this.readyToReplace > 0) return
    for (const worker of this.replaced) this.retire(worker)
    this.replaced = []
    this.log.info('reloaded')
  }

  private retire(worker: Worker): void {
    this.retiring.add(worker.id)
    this.tellToFinish(worker)
    setTimeout(() => worker.process.kill('SIGKILL'), SHUTDOWN_GRACE_MS + 5_000).unref()
  }

  private tellToFinish(worker: Worker): void {
    const message: ToWorker = { kind: 'finish', graceMs: SHUTDOWN_GRACE_MS }
    worker.send(message, error => {
      if (error) worker.process.kill('SIGKILL')
    })
  }
}
