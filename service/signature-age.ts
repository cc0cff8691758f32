// How old the signatures are that clamd scans with, asked of clamd itself now and then, so that a message can carry a
// `stale` finding without a question of its own.
import type { Log } from '../admin/service-log.js'
import type { Clamd } from '../filters/clamd/client.js'
import type { Finding } from '../mail/finding.js'
import { signatureAge } from '../signatures/age.js'

const ASK_EVERY_MS = 10 * 60_000
const ASK_TIMEOUT_MS = 10_000

export type SignatureAge = {
  /** A finding when the signatures are older than allowed; null when they are fresh, or clamd has not said. */
  staleFinding(): Finding | null
  stop(): void
}

export function watchSignatureAge(clamd: Clamd, staleAfterHours: number, log: Log): SignatureAge {
  let databaseDate: Date | null = null
  let complained = false
  const ask = async (): Promise<void> => {
    const version = await clamd.version(AbortSignal.timeout(ASK_TIMEOUT_MS))
    if (version.kind === 'version') databaseDate = version.databaseDate
    const hours = ageHours()
    if (hours !== null && hours > staleAfterHours && !complained) {
      log.warn({ ageHours: hours, staleAfterHours }, 'the virus signatures are old: see mailweir signatures status')
    }
    complained = hours !== null && hours > staleAfterHours
  }
  const ageHours = (): number | null => signatureAge(new Date(), databaseDate, [])?.ageHours ?? null
  void ask()
  const timer = setInterval(() => void ask(), ASK_EVERY_MS)
  timer.unref()
  return {
    staleFinding: () => {
      const hours = ageHours()
      return hours !== null && hours > staleAfterHours ? { kind: 'stale', ageHours: hours } : null
    },
    stop: () => clearInterval(timer),
  }
}
