// Runs the freshclam program once and hands back what it said. Without a shell, with a deadline after which it and what
// it started are ended, and with bounded memory for its output. Never rejects: whatever happens is a result.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import process from 'node:process'
import { readFreshclamOutput } from './freshclam-output.js'
import type { FreshclamSaid } from './freshclam-output.js'

export type FreshclamRun = {
  readonly freshclamPath: string
  readonly freshclamConfig: string
  readonly databaseDirectory: string
  readonly timeoutMs: number
}

/** A full download of all databases says about 3 KB. */
const MAX_OUTPUT_BYTES = 256 * 1024
const KILL_AFTER_MS = 5_000

/** A spawn from a big process is slow, but this one happens once an hour. */
export async function runFreshclam(run: FreshclamRun, signal: AbortSignal): Promise<FreshclamSaid> {
  if (signal.aborted) return failed('stopped before it began', null)
  const args = [`--config-file=${run.freshclamConfig}`, '--stdout', `--datadir=${run.databaseDirectory}`]
  // Its own process group: freshclam tests a database in a child of its own.
  const child = spawn(run.freshclamPath, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment(process.env),
    cwd: '/',
  })
  const output = collectOutput(child)
  const ended = await endOf(child, run.timeoutMs, signal)
  if (ended.kind === 'exited') return readFreshclamOutput(output(), ended.exitCode)
  return failed(ended.why, null)
}

type Ended = { kind: 'exited'; exitCode: number | null } | { kind: 'notRun' | 'stopped'; why: string }

function endOf(child: ChildProcess, timeoutMs: number, signal: AbortSignal): Promise<Ended> {
  return new Promise(resolve => {
    let stopped: string | null = null
    let killTimer: NodeJS.Timeout | null = null
    const stop = (why: string): void => {
      stopped ??= why
      endGroup(child, 'SIGTERM')
      killTimer ??= setTimeout(() => {
        endGroup(child, 'SIGKILL')
      }, KILL_AFTER_MS)
    }
    const deadline = setTimeout(() => {
      stop(`freshclam did not end within ${Math.round(timeoutMs / 1000)} seconds`)
    }, timeoutMs)
    const onAbort = (): void => {
      stop('stopped, because the service stops')
    }
    signal.addEventListener('abort', onAbort, { once: true })
    const settle = (ended: Ended): void => {
      clearTimeout(deadline)
      if (killTimer) clearTimeout(killTimer)
      signal.removeEventListener('abort', onAbort)
      resolve(ended)
    }
    child.once('error', error => {
      settle({ kind: 'notRun', why: `cannot run ${child.spawnfile}: ${error.message}` })
    })
    child.once('close', exitCode => {
      settle(stopped === null ? { kind: 'exited', exitCode } : { kind: 'stopped', why: stopped })
    })
  })
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // Ended in the meantime: what we wanted.
  }
}

/** Faults in its own settings go to standard error even with --stdout. Beyond the bound the output is read and dropped. */
function collectOutput(child: ChildProcess): () => string {
  const chunks: Buffer[] = []
  let bytes = 0
  const take = (chunk: Buffer): void => {
    const room = MAX_OUTPUT_BYTES - bytes
    if (room <= 0) return
    chunks.push(chunk.subarray(0, room))
    bytes += Math.min(chunk.length, room)
  }
  child.stdout?.on('data', take)
  child.stderr?.on('data', take)
  return () => Buffer.concat(chunks).toString('utf8')
}

const PASSED_ON = /^(?:PATH|TZ|CURL_CA_BUNDLE|FRESHCLAM_\w+|(?:https?|no|all)_proxy|(?:HTTPS?|NO|ALL)_PROXY)$/

/** Its words must be English to be read; the rest of our environment is none of its business. */
function environment(ours: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const passedOn = Object.entries(ours).filter(([name]) => PASSED_ON.test(name))
  return { ...Object.fromEntries(passedOn), LC_ALL: 'C' }
}

function failed(why: string, exitCode: number | null): FreshclamSaid {
  return { result: { kind: 'failed', why, exitCode }, clamdNotified: false, warnings: [] }
}
