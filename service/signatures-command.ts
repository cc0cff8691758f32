// `mailweir signatures update` and `status`, for a person or for cron.
import process from 'node:process'
import { createClamd } from '../filters/clamd/client.js'
import { describeReport, describeStatus, signatureStatus } from '../signatures/status.js'
import type { ClamdView } from '../signatures/status.js'
import { updateSignatures } from '../signatures/update.js'
import { signaturesWorld } from './keep-signatures-fresh.js'
import type { Settings } from './settings.js'

const CLAMD_TIMEOUT_MS = 10_000

/** Runs freshclam now; an interrupted command takes freshclam with it. `failed` when the signatures are not known to be the newest afterwards. */
export async function updateSignaturesNow(settings: Settings): Promise<{ text: string; failed: boolean }> {
  const outcome = await updateSignatures(settings.signatures, 'now', signaturesWorld(settings, interrupted()))
  switch (outcome.kind) {
    case 'alreadyRunning':
      return { text: `freshclam is already being run by process ${outcome.pid}`, failed: false }
    case 'notDue':
      return { text: `not due before ${outcome.nextAt.toISOString()}`, failed: false }
    case 'ran': {
      const { result, reload } = outcome.report
      const failed = result.kind === 'failed' || result.kind === 'coolingDown' || reload.kind === 'failed'
      return { text: describeReport(outcome.report), failed }
    }
  }
}

/** As lines for a terminal, or as JSON for a script. */
export async function signatureStatusText(settings: Settings, form: 'lines' | 'json'): Promise<string> {
  const status = await signatureStatus(settings.signatures, await clamdView(settings), new Date())
  return form === 'json' ? `${JSON.stringify(status, null, 2)}\n` : describeStatus(status)
}

async function clamdView(settings: Settings): Promise<ClamdView> {
  if (!settings.clamd.enabled) return { kind: 'unreachable', why: 'clamd.enabled is false' }
  const version = await createClamd(settings.clamd).version(AbortSignal.timeout(CLAMD_TIMEOUT_MS))
  if (version.kind === 'failed') return { kind: 'unreachable', why: version.why }
  const { engine, databaseVersion, databaseDate } = version
  return {
    kind: 'loaded',
    version: [engine, databaseVersion].filter(word => word !== null).join('/'),
    date: databaseDate,
  }
}

function interrupted(): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort())
  return stop.signal
}
