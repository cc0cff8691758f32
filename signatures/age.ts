// How old the signatures are. What clamd has loaded counts; where clamd says no date, the newest database on disk does.
// Unknown is null and never "fresh".

export type SignatureAge = { readonly ageHours: number; readonly builtAt: Date; readonly seenIn: 'clamd' | 'databases' }

const HOUR_MS = 60 * 60_000

export type DatedDatabase = { readonly builtAt: Date | null }

/** `clamdDate` is the date in clamd's VERSION reply; null when clamd is down or has only databases without a date. */
export function signatureAge(
  now: Date,
  clamdDate: Date | null,
  databases: readonly DatedDatabase[],
): SignatureAge | null {
  if (clamdDate) return { ageHours: hoursBetween(clamdDate, now), builtAt: clamdDate, seenIn: 'clamd' }
  const newest = databases.reduce<Date | null>((latest, { builtAt }) => later(latest, builtAt), null)
  return newest && { ageHours: hoursBetween(newest, now), builtAt: newest, seenIn: 'databases' }
}

export function isStale(age: SignatureAge | null, staleAfterHours: number): boolean {
  return age !== null && age.ageHours > staleAfterHours
}

function later(a: Date | null, b: Date | null): Date | null {
  if (a === null || b === null) return a ?? b
  return a > b ? a : b
}

/** A date ahead of our clock is a clock that differs a little, not a negative age. */
function hoursBetween(from: Date, to: Date): number {
  return Math.max(0, Math.floor((to.getTime() - from.getTime()) / HOUR_MS))
}
