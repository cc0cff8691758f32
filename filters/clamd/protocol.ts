// clamd's commands and replies as values: NUL-terminated requests (the `z` form of clamd(8)) and their exact replies.
// A reply that is not exactly one of those clamd gives is `failed`: only `stream: OK` means clean.

export type ScanResult =
  | { readonly kind: 'clean' }
  | { readonly kind: 'infected'; readonly name: string }
  /** Longer than clamd takes in one stream: not scanned. */
  | { readonly kind: 'tooLarge' }
  | { readonly kind: 'failed'; readonly why: string }

export type Version = {
  /** `1.4.6` */
  readonly engine: string
  /** Of the daily database; null when clamd has loaded none. */
  readonly databaseVersion: number | null
  readonly databaseDate: Date | null
}

/** No reply of a single command is longer: a virus name, or VERSION. */
export const MAX_REPLY_BYTES = 4096

/** clamd's own limit for one chunk is StreamMaxLength; ours keeps a frame within what is read from disk at once. */
const MAX_CHUNK_BYTES = 0xffff_ffff

export type Command = 'PING' | 'VERSION' | 'RELOAD' | 'INSTREAM'

export function encodeCommand(command: Command): Buffer {
  return Buffer.from(`z${command}\0`, 'latin1')
}

/** The length that goes before a chunk. An empty chunk would end the stream, so it has none. */
export function encodeChunkLength(chunkBytes: number): Buffer {
  if (chunkBytes < 1 || chunkBytes > MAX_CHUNK_BYTES) throw new RangeError(`a chunk of ${chunkBytes} bytes`)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(chunkBytes)
  return length
}

export const END_OF_STREAM: Buffer = Buffer.alloc(4)

/** The text of a reply: printable, one NUL, at its end. Null for anything else, cut replies and replies with more behind them included. */
export function replyText(reply: Buffer): string | null {
  if (reply.length < 2 || reply.indexOf(0) !== reply.length - 1) return null
  const text = reply.toString('latin1', 0, reply.length - 1)
  return /^[\x20-\x7e\x80-\xff]+$/.test(text) ? text : null
}

/** `sentWhole`: whether clamd had everything when it replied; `OK` to half a stream says nothing. */
export function parseScanReply(reply: Buffer, sentWhole: boolean): ScanResult {
  const text = replyText(reply)
  if (text === null) return { kind: 'failed', why: unusable(reply) }
  if (text === 'stream: OK') {
    return sentWhole ? { kind: 'clean' } : { kind: 'failed', why: 'clamd answered before it had everything' }
  }
  const name = /^stream: (\S(?:.*\S)?) FOUND$/.exec(text)?.[1]
  if (name !== undefined) return { kind: 'infected', name }
  if (text === 'INSTREAM size limit exceeded. ERROR') return { kind: 'tooLarge' }
  return { kind: 'failed', why: `clamd says ${text}` }
}

/** `ClamAV 1.4.6/27779/Tue Jul  8 08:35:31 2025`, or `ClamAV 1.4.6` without a daily database. */
export function parseVersionReply(reply: Buffer): Version | null {
  const parts = /^ClamAV ([^/\s]{1,64})(?:\/(\d{1,9})\/(.+))?$/.exec(replyText(reply) ?? '')
  const engine = parts?.[1]
  if (engine === undefined) return null
  if (parts?.[2] === undefined) return { engine, databaseVersion: null, databaseDate: null }
  return { engine, databaseVersion: Number(parts[2]), databaseDate: parseCtime(parts[3] ?? '') }
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** ctime(3) without its line end. It names no zone: clamd writes its local time, so ours must be the same. */
function parseCtime(text: string): Date | null {
  const parts = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/.exec(text)
  if (!parts) return null
  const month = MONTHS.indexOf(parts[1] ?? '')
  const [day, hour, minute, second, year] = parts.slice(2).map(Number) as [number, number, number, number, number]
  if (month < 0 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return null
  return new Date(year, month, day, hour, minute, second)
}

/** Why a reply cannot be used, for the log. */
export function unusable(reply: Buffer): string {
  if (reply.length === 0) return 'clamd closed the connection without a reply'
  const shown = reply.toString('latin1', 0, 60).replace(/[^\x20-\x7e]/g, '?')
  return `not a reply of clamd: ${shown}`
}
