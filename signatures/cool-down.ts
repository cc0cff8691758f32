// freshclam.dat, where freshclam keeps how long the servers asked it to stay away. In come its bytes, out goes that
// time; null for none, and for a layout that is not the one we know: then freshclam itself still keeps the cool-down.

const MAGIC = 'FreshClamData'
const VERSION_OFFSET = MAGIC.length
/** Version (4 bytes), the host's random name (36 and a NUL), padding to 8: then a 64-bit time in seconds. */
const RETRY_AFTER_OFFSET = MAGIC.length + 48

/** When freshclam may ask again, if that lies ahead. */
export function coolDownUntil(freshclamDat: Buffer, now: Date): Date | null {
  if (freshclamDat.length < RETRY_AFTER_OFFSET + 8) return null
  if (freshclamDat.toString('latin1', 0, MAGIC.length) !== MAGIC) return null
  if (freshclamDat.readUInt32LE(VERSION_OFFSET) !== 1) return null
  const seconds = Number(freshclamDat.readBigUInt64LE(RETRY_AFTER_OFFSET))
  const until = new Date(seconds * 1000)
  return until > now && seconds < now.getTime() / 1000 + MAX_COOL_DOWN_SECONDS ? until : null
}

/** The longest that freshclam itself writes is a day; a server may ask for more, but hardly for a month. */
const MAX_COOL_DOWN_SECONDS = 30 * 24 * 3600
