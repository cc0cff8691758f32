// One update of the signatures: freshclam is run, the databases before and after are compared, clamd is told when they
// differ, and what happened is remembered. Never two at once. Rejects only when its own state cannot be kept.
import { changesBetween, coolDownIn, listDatabases } from './databases.js'
import type { Database, DatabaseChange } from './databases.js'
import { runFreshclam } from './freshclam.js'
import type { UpdateResult } from './freshclam-output.js'
import { takeRunLock } from './run-lock.js'
import { mayRunAt, minuteFrom, nextAllowedUpdateAt } from './schedule.js'
import type { Remembered } from './schedule.js'
import type { SignaturesSettings } from './settings.js'
import { readState, writeState } from './state-file.js'
import type { Reload, UpdateReport, UpdateState } from './state-file.js'

export type UpdateWorld = {
  /** Makes clamd load its databases again; rejects when clamd cannot be told. */
  reload(): Promise<void>
  readonly signal: AbortSignal
}

export type UpdateOutcome =
  | { readonly kind: 'ran'; readonly report: UpdateReport }
  | { readonly kind: 'alreadyRunning'; readonly pid: number }
  | { readonly kind: 'notDue'; readonly nextAt: Date }

/** `now`: a person or cron asked. `due`: only when the last run was an hour ago and no cool-down is on. */
export async function updateSignatures(
  settings: SignaturesSettings,
  when: 'now' | 'due',
  world: UpdateWorld,
): Promise<UpdateOutcome> {
  const lock = await takeRunLock(`${settings.stateFile}.lock`)
  if (lock.kind === 'busy') return { kind: 'alreadyRunning', pid: lock.pid }
  try {
    const state = await stateOf(settings)
    const now = new Date()
    const remembered = await rememberedBy(state, settings, now)
    if (when === 'due' && !mayRunAt(now, remembered)) {
      return { kind: 'notDue', nextAt: nextAllowedUpdateAt(now, remembered) }
    }
    const report = await runOnce(settings, state, world)
    const succeeded = report.result.kind === 'updated' || report.result.kind === 'upToDate'
    await writeState(settings.stateFile, {
      minute: state.minute,
      lastRun: report,
      lastSuccessAt: succeeded ? report.endedAt : state.lastSuccessAt,
    })
    return { kind: 'ran', report }
  } finally {
    await lock.release()
  }
}

/** What is remembered, begun and written down when there is nothing yet. */
export async function stateOf(settings: SignaturesSettings): Promise<UpdateState> {
  const known = await readState(settings.stateFile)
  if (known) return known
  const fresh: UpdateState = { minute: minuteFrom(Math.random()), lastRun: null, lastSuccessAt: null }
  await writeState(settings.stateFile, fresh)
  return fresh
}

export async function rememberedBy(state: UpdateState, settings: SignaturesSettings, now: Date): Promise<Remembered> {
  const lastStartedAt = state.lastRun?.startedAt ?? null
  return {
    minute: state.minute,
    // A clock that was set back must not keep us from updating for years.
    lastStartedAt: lastStartedAt && lastStartedAt <= now ? lastStartedAt : null,
    coolDownUntil: await coolDownIn(settings.databaseDirectory, now),
  }
}

async function runOnce(settings: SignaturesSettings, state: UpdateState, world: UpdateWorld): Promise<UpdateReport> {
  const startedAt = new Date()
  const before = await databasesIn(settings.databaseDirectory)
  if (!before.ok) return unreadable(startedAt, before.why)
  const said = await runFreshclam({ ...settings, timeoutMs: settings.timeoutMinutes * 60_000 }, world.signal)
  const after = await databasesIn(settings.databaseDirectory)
  if (!after.ok) return unreadable(startedAt, after.why)
  const changed = changesBetween(before.databases, after.databases)
  return {
    startedAt,
    endedAt: new Date(),
    result: withCoolDown(said.result, await coolDownIn(settings.databaseDirectory, new Date())),
    changed,
    reload: said.clamdNotified ? { kind: 'told' } : await tellClamd(changed, state, world),
    warnings: said.warnings,
  }
}

const EXIT_FORBIDDEN = 17

/** A private mirror's 429 fails the run without a word about the cool-down that begins: only freshclam.dat has it. */
function withCoolDown(result: UpdateResult, until: Date | null): UpdateResult {
  if (result.kind !== 'failed' || result.exitCode === EXIT_FORBIDDEN || until === null) return result
  return { kind: 'coolingDown', until }
}

/** A reload that failed last time is owed: clamd still has the old signatures. */
async function tellClamd(changed: readonly DatabaseChange[], state: UpdateState, world: UpdateWorld): Promise<Reload> {
  if (changed.length === 0 && state.lastRun?.reload.kind !== 'failed') return { kind: 'notNeeded' }
  try {
    await world.reload()
    return { kind: 'told' }
  } catch (error) {
    return { kind: 'failed', why: messageOf(error) }
  }
}

type Listed = { ok: true; databases: Database[] } | { ok: false; why: string }

async function databasesIn(directory: string): Promise<Listed> {
  try {
    return { ok: true, databases: await listDatabases(directory) }
  } catch (error) {
    return { ok: false, why: `cannot read the databases: ${messageOf(error)}` }
  }
}

function unreadable(startedAt: Date, why: string): UpdateReport {
  const result: UpdateResult = { kind: 'failed', why, exitCode: null }
  return { startedAt, endedAt: new Date(), result, changed: [], reload: { kind: 'notNeeded' }, warnings: [] }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
