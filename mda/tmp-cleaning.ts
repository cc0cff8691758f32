// Removes what crashed deliveries left in tmp/: by the book, files that nobody touched for 36 hours.
// Looked at with the first delivery into a Maildir and then twice a day; a message younger than that is never touched.
import { lstat, opendir, unlink } from 'node:fs/promises'
import { codeOf } from './mailbox-fault.js'

const HOUR_MS = 3600 * 1000
const MAX_TMP_AGE_HOURS = 36
const CLEANING_INTERVAL_HOURS = 12
/** Files looked at in one cleaning; the next one goes on. */
const MAX_FILES_PER_CLEANING = 1000
const MAX_MAILDIRS_REMEMBERED = 10_000

const cleanedAtMs = new Map<string, number>()

/** Says yes once in a while for each Maildir. */
export function isCleaningDue(maildir: string, nowMs: number): boolean {
  const lastMs = cleanedAtMs.get(maildir)
  if (lastMs !== undefined && nowMs - lastMs < CLEANING_INTERVAL_HOURS * HOUR_MS) return false
  cleanedAtMs.delete(maildir)
  cleanedAtMs.set(maildir, nowMs)
  const [oldest] = cleanedAtMs.keys()
  if (cleanedAtMs.size > MAX_MAILDIRS_REMEMBERED && oldest !== undefined) cleanedAtMs.delete(oldest)
  return true
}

/** Removes the stale files and says how many. */
export async function cleanTmp(tmp: string, nowMs: number): Promise<number> {
  let looked = 0
  let removed = 0
  for await (const entry of await opendir(tmp)) {
    if (++looked > MAX_FILES_PER_CLEANING) break
    if (entry.isFile() && (await removeIfStale(`${tmp}/${entry.name}`, nowMs))) removed += 1
  }
  return removed
}

async function removeIfStale(path: string, nowMs: number): Promise<boolean> {
  try {
    const found = await lstat(path)
    if (nowMs - Math.max(found.mtimeMs, found.atimeMs) < MAX_TMP_AGE_HOURS * HOUR_MS) return false
    await unlink(path)
    return true
  } catch (error) {
    // Its delivery ended, or another process cleans too.
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}
