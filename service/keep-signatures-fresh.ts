// The hourly freshclam of the running service, its reports in the log.
import type { Log } from '../admin/service-log.js'
import { createClamd } from '../filters/clamd/client.js'
import { keepUpdated } from '../signatures/keep-updated.js'
import { describeReport } from '../signatures/status.js'
import type { UpdateOutcome, UpdateWorld } from '../signatures/update.js'
import type { Settings } from './settings.js'

const RELOAD_TIMEOUT_MS = 30_000

/** Returns what stops it, and settles when a freshclam under way has ended. */
export function keepSignaturesFresh(settings: Settings, log: Log): () => Promise<void> {
  const stop = new AbortController()
  const ended = keepUpdated(settings.signatures, {
    ...signaturesWorld(settings, stop.signal),
    onOutcome: outcome => logOutcome(log, outcome),
    onFault: error => log.error({ fault: String(error) }, 'the signatures could not be updated'),
  })
  return () => {
    stop.abort()
    return ended
  }
}

/** How clamd is told that its signatures have changed; without clamd there is nobody to tell. */
export function signaturesWorld(settings: Settings, signal: AbortSignal): UpdateWorld {
  const clamd = settings.clamd.enabled ? createClamd(settings.clamd) : null
  return {
    signal,
    reload: async () => {
      const answer = await clamd?.reload(AbortSignal.any([signal, AbortSignal.timeout(RELOAD_TIMEOUT_MS)]))
      if (answer?.kind === 'failed') throw new Error(answer.why)
    },
  }
}

function logOutcome(log: Log, outcome: UpdateOutcome): void {
  if (outcome.kind !== 'ran') return
  const { kind } = outcome.report.result
  const text = `signatures: ${describeReport(outcome.report)}`
  if (kind === 'failed' || kind === 'coolingDown') log.warn(text)
  else log.info(text)
}
