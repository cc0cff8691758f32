// Names of messages in a Maildir, by the book (https://cr.yp.to/proto/maildir.html, Courier's `,S=` for the size).
// While it is written a message is called after time, process and counter; delivered, after its device and inode too,
// which no other living file has: so the rename into new/ can't meet a file of that name.
import { hostname } from 'node:os'

export type MessageName = {
  readonly seconds: number
  readonly rest: string
  readonly counter: number
  readonly host: string
}

const HOST = escapeHost(hostname())
let counter = 0

/** A name nobody else in this process gets. */
export function nextName(nowMs: number = Date.now()): MessageName {
  counter += 1
  const seconds = Math.floor(nowMs / 1000)
  // The clock gives milliseconds; the counter keeps the order of the messages that arrive within one.
  const microseconds = (Math.floor(nowMs) % 1000) * 1000 + (counter % 1000)
  return { seconds, rest: `M${microseconds}P${process.pid}`, counter, host: HOST }
}

export function nameInTmp(name: MessageName): string {
  return `${name.seconds}.${name.rest}_${name.counter}.${name.host}`
}

export function nameInNew(name: MessageName, file: { dev: bigint; ino: bigint }, sizeBytes: number): string {
  const where = `V${hex(file.dev)}I${hex(file.ino)}`
  return `${name.seconds}.${name.rest}${where}_${name.counter}.${name.host},S=${sizeBytes}`
}

/** `/` would make a path of the name and `:` begins the flags; the book writes both as octal escapes. */
export function escapeHost(host: string): string {
  return host.replaceAll('/', '\\057').replaceAll(':', '\\072') || 'localhost'
}

function hex(number: bigint): string {
  return number.toString(16).padStart(16, '0').toUpperCase()
}
