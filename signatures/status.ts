// What `mailweir signatures status` shows: the databases on disk, what clamd has loaded, the last run and the next.
// Reads only; whatever cannot be read is shown as such.
import { isStale, signatureAge } from './age.js'
import type { SignatureAge } from './age.js'
import { coolDownIn, listDatabases } from './databases.js'
import type { Database } from './databases.js'
import { nextAllowedUpdateAt } from './schedule.js'
import type { SignaturesSettings } from './settings.js'
import { readState } from './state-file.js'
import type { UpdateReport } from './state-file.js'
import { rememberedBy } from './update.js'

/** What clamd answers to VERSION. `date` is null when none of its databases has one. */
export type ClamdView =
  | { readonly kind: 'loaded'; readonly version: string; readonly date: Date | null }
  | { readonly kind: 'unreachable'; readonly why: string }

export type SignatureStatus = {
  readonly directory: string
  readonly databases: readonly Database[]
  /** Why the directory could not be read, else null. */
  readonly unreadable: string | null
  readonly clamd: ClamdView
  readonly age: SignatureAge | null
  readonly isStale: boolean
  readonly lastRun: UpdateReport | null
  readonly lastSuccessAt: Date | null
  /** Null when the service does not run freshclam, or has not chosen its minute yet. */
  readonly nextRunAt: Date | null
  readonly coolDownUntil: Date | null
}

export async function signatureStatus(
  settings: SignaturesSettings,
  clamd: ClamdView,
  now: Date,
): Promise<SignatureStatus> {
  const listed = await listedIn(settings.databaseDirectory)
  const state = await readState(settings.stateFile).catch(() => null)
  const age = signatureAge(now, clamd.kind === 'loaded' ? clamd.date : null, listed.databases)
  return {
    directory: settings.databaseDirectory,
    ...listed,
    clamd,
    age,
    isStale: isStale(age, settings.staleAfterHours),
    lastRun: state?.lastRun ?? null,
    lastSuccessAt: state?.lastSuccessAt ?? null,
    nextRunAt: settings.enabled && state ? nextAllowedUpdateAt(now, await rememberedBy(state, settings, now)) : null,
    coolDownUntil: await coolDownIn(settings.databaseDirectory, now),
  }
}

type Listed = Pick<SignatureStatus, 'databases' | 'unreadable'>

async function listedIn(directory: string): Promise<Listed> {
  try {
    return { databases: await listDatabases(directory), unreadable: null }
  } catch (error) {
    return { databases: [], unreadable: error instanceof Error ? error.message : String(error) }
  }
}

/** The status as lines for a terminal. */
export function describeStatus(status: SignatureStatus): string {
  const lines = [
    `directory   ${status.directory}`,
    ...databaseLines(status),
    `clamd       ${describeClamd(status.clamd)}`,
    `age         ${describeAge(status)}`,
    `last run    ${status.lastRun ? describeReport(status.lastRun) : 'none by mailweir'}`,
    `last good   ${status.lastSuccessAt?.toISOString() ?? 'none'}`,
    `next run    ${status.nextRunAt?.toISOString() ?? 'not scheduled'}`,
  ]
  if (status.coolDownUntil) lines.push(`cool-down   until ${status.coolDownUntil.toISOString()}`)
  return `${lines.join('\n')}\n`
}

function databaseLines({ databases, unreadable }: SignatureStatus): string[] {
  if (unreadable !== null) return [`databases   cannot be read: ${unreadable}`]
  if (databases.length === 0) return ['databases   none']
  return databases.map(({ name, version, builtAt, modifiedAt }) => {
    const date = builtAt ? `built ${builtAt.toISOString()}` : `written ${modifiedAt.toISOString()}`
    return `database    ${name}, version ${version}, ${date}`
  })
}

function describeClamd(clamd: ClamdView): string {
  if (clamd.kind === 'unreachable') return `cannot be asked: ${clamd.why}`
  return clamd.date ? `${clamd.version}, signatures of ${clamd.date.toISOString()}` : clamd.version
}

function describeAge({ age, isStale: stale }: SignatureStatus): string {
  if (!age) return 'unknown: no database with a date'
  const where = age.seenIn === 'clamd' ? 'as clamd has them loaded' : 'as they lie on disk'
  return `${age.ageHours} hours, ${where}${stale ? ': stale' : ''}`
}

/** One run in one line, for the status and for the log. */
export function describeReport({ startedAt, result, changed, reload }: UpdateReport): string {
  const changes = changed.map(({ name, from, to }) => `${name} ${from ?? 'new'} -> ${to ?? 'gone'}`)
  const told =
    reload.kind === 'told' ? ['clamd told'] : reload.kind === 'failed' ? [`clamd not told: ${reload.why}`] : []
  return [`${startedAt.toISOString()} ${describeResult(result)}`, ...changes, ...told].join('; ')
}

function describeResult(result: UpdateReport['result']): string {
  switch (result.kind) {
    case 'updated':
      return `updated ${result.databases.join(', ')}`
    case 'upToDate':
      return 'up to date'
    case 'coolingDown':
      return `cooling down until ${result.until.toISOString()}`
    case 'failed':
      return `failed: ${result.why}`
  }
}
