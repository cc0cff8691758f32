// When freshclam runs: once an hour, at a minute of its own. In come the time and what is remembered of the last run,
// out goes a time. Nothing here sleeps or reads a clock.

/** The database servers ask for one check an hour at most, and for clients spread over the hour. */
export const FRESHCLAM_INTERVAL_HOURS = 1
/** A timer may fire a little late one hour and in time the next: that is still once an hour. */
const MIN_PAUSE_MS = 59 * 60_000
const HOUR_MS = 60 * 60_000

/** The next time after `now` at which the hour shows that minute. */
export function nextUpdateAt(now: Date, minute: number): Date {
  const next = new Date(now)
  next.setUTCMinutes(minute, 0, 0)
  return next > now ? next : new Date(next.getTime() + FRESHCLAM_INTERVAL_HOURS * HOUR_MS)
}

export type Remembered = {
  readonly minute: number
  /** Null when freshclam has never run from here. */
  readonly lastStartedAt: Date | null
  /** The servers told us to stay away until then; null when they did not. */
  readonly coolDownUntil: Date | null
}

/** The next time at the minute at which a run would neither follow another within the hour nor fall into a cool-down. */
export function nextAllowedUpdateAt(now: Date, remembered: Remembered): Date {
  const next = nextUpdateAt(now, remembered.minute)
  const earliest = earliestRun(remembered)
  // The minute comes round once an hour: one look past the earliest time is enough.
  return next.getTime() >= earliest ? next : nextUpdateAt(new Date(earliest - 1), remembered.minute)
}

/** Whether a run at this moment would be allowed. */
export function mayRunAt(now: Date, remembered: Remembered): boolean {
  return now.getTime() >= earliestRun(remembered)
}

function earliestRun({ lastStartedAt, coolDownUntil }: Remembered): number {
  const afterLast = lastStartedAt === null ? -Infinity : lastStartedAt.getTime() + MIN_PAUSE_MS
  return Math.max(afterLast, coolDownUntil?.getTime() ?? -Infinity)
}

/** A minute of the hour for a host that has none yet; `random` is in [0, 1). */
export function minuteFrom(random: number): number {
  return Math.floor(random * 60)
}
