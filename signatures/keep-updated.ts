// The service's hourly update: sleeps until the host's own minute, updates, says what happened, and begins again until
// it is told to stop. A fault of one round is reported and the next round comes an hour later all the same.
import { setTimeout as sleep } from 'node:timers/promises'
import { listDatabases } from './databases.js'
import { nextAllowedUpdateAt, nextUpdateAt } from './schedule.js'
import type { SignaturesSettings } from './settings.js'
import { rememberedBy, stateOf, updateSignatures } from './update.js'
import type { UpdateOutcome, UpdateWorld } from './update.js'

export type KeepUpdatedWorld = UpdateWorld & {
  onOutcome(outcome: UpdateOutcome): void
  /** Our state could not be kept, for instance: the update was not made or not written down. */
  onFault(error: unknown): void
}

/** Settles when `world.signal` is aborted, after a run that is under way has been ended. Never rejects. */
export async function keepUpdated(settings: SignaturesSettings, world: KeepUpdatedWorld): Promise<void> {
  if (!settings.enabled) return
  for (let round = 1; !world.signal.aborted; round++) {
    const next = await nextRound(settings, round, world)
    if (!(await sleptUntil(next, world.signal))) return
    try {
      world.onOutcome(await updateSignatures(settings, 'due', world))
    } catch (error) {
      world.onFault(error)
      // Where nothing can be remembered, at least do not come back within the minute.
      if (!(await sleptUntil(new Date(Date.now() + ROUND_AFTER_FAULT_MS), world.signal))) return
    }
  }
}

const ROUND_AFTER_FAULT_MS = 59 * 60_000

/** A host without any signatures does not wait for its minute, the first time. */
async function nextRound(settings: SignaturesSettings, round: number, world: KeepUpdatedWorld): Promise<Date> {
  const now = new Date()
  try {
    const state = await stateOf(settings)
    const isFirst =
      round === 1 && state.lastRun === null && (await listDatabases(settings.databaseDirectory)).length === 0
    return isFirst ? now : nextAllowedUpdateAt(now, await rememberedBy(state, settings, now))
  } catch (error) {
    world.onFault(error)
    return nextUpdateAt(now, now.getUTCMinutes())
  }
}

const LONGEST_NAP_MS = 60_000

/** Sleeps in naps, because a clock may be set and a machine suspended. False when told to stop. */
async function sleptUntil(time: Date, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    if (signal.aborted) return false
    const left = time.getTime() - Date.now()
    if (left <= 0) return true
    try {
      await sleep(Math.min(left, LONGEST_NAP_MS), undefined, { signal })
    } catch {
      return false
    }
  }
}
