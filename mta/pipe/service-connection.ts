// The socket of one conversation with the service, as replies to wait for and bytes to send. Its deadline is total.
// After the first fault nothing more is sent; what had been answered until then can still be read.
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { takeReply, UNREADABLE } from './lmtp-client-protocol.js'
import type { Reply } from './lmtp-client-protocol.js'

export type Fault = { readonly fault: string }

/** Linux: sun_path has 108 bytes with its NUL. */
const MAX_SOCKET_PATH_BYTES = 107
const CONNECT_RETRY_MS = 50
/** A full backlog means a busy service, not a missing one. */
const CONNECT_TIMEOUT_MS = 10_000
const GOODBYE_TIMEOUT_MS = 1000
const MAX_UNREAD_BYTES = 16 * 1024

export type Connected =
  | { readonly kind: 'connected'; readonly connection: ServiceConnection }
  | { readonly kind: 'noService' }
  | { readonly kind: 'failed'; readonly fault: string; readonly isSetting: boolean }

/** Connects to the unix socket. Only a socket that is not there, or that nobody listens on, means there is no service. */
export async function connectToService(path: string, deadlineAt: number): Promise<Connected> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES)
    return { kind: 'failed', fault: `the socket's path is too long: ${path}`, isSetting: true }
  const giveUpAt = Math.min(deadlineAt, Date.now() + CONNECT_TIMEOUT_MS)
  for (;;) {
    const result = await connectOnce(path)
    if (typeof result !== 'string') {
      return { kind: 'connected', connection: new ServiceConnection(result, deadlineAt) }
    }
    if (result === 'ENOENT' || result === 'ECONNREFUSED') return { kind: 'noService' }
    if (result !== 'EAGAIN')
      return { kind: 'failed', fault: `cannot connect to the mail service: ${path}: ${result}`, isSetting: true }
    if (Date.now() + CONNECT_RETRY_MS >= giveUpAt)
      return { kind: 'failed', fault: `the mail service is too busy: ${path}`, isSetting: false }
    await new Promise(resolve => setTimeout(resolve, CONNECT_RETRY_MS))
  }
}

function connectOnce(path: string): Promise<Socket | string> {
  return new Promise(resolve => {
    const socket = connect(path)
    const failed = (fault: NodeJS.ErrnoException): void => resolve(fault.code ?? fault.message)
    socket.once('error', failed)
    socket.once('connect', () => {
      socket.off('error', failed)
      resolve(socket)
    })
  })
}

export class ServiceConnection {
  private unread: Buffer = Buffer.alloc(0)
  private fault: string | null = null
  private wake: () => void = () => undefined
  private readonly deadline: NodeJS.Timeout
  /** Resolves at the first fault. */
  readonly failed: Promise<Fault>
  private reportFault: (fault: Fault) => void = () => undefined

  constructor(
    private readonly socket: Socket,
    deadlineAt: number,
  ) {
    this.failed = new Promise(resolve => (this.reportFault = resolve))
    const closed = 'the mail service closed the connection'
    socket.on('data', chunk => this.received(chunk))
    socket.on('end', () => this.fail(closed))
    socket.on('close', () => this.fail(closed))
    socket.on('error', fault => this.fail(`${closed}: ${(fault as NodeJS.ErrnoException).code ?? fault.message}`))
    socket.on('drain', () => this.wake())
    const leftMs = Math.max(0, deadlineAt - Date.now())
    this.deadline = setTimeout(() => this.fail('the mail service did not answer in time'), leftMs)
  }

  private received(chunk: Buffer): void {
    this.unread = Buffer.concat([this.unread, chunk])
    if (this.unread.length > MAX_UNREAD_BYTES) this.fail(UNREADABLE)
    this.wake()
  }

  private fail(fault: string): void {
    this.fault ??= fault
    this.socket.destroy()
    this.reportFault({ fault: this.fault })
    this.wake()
  }

  private changed(): Promise<void> {
    return new Promise(resolve => (this.wake = resolve))
  }

  /** The next reply, though the service may have closed after it. */
  async reply(): Promise<Reply | Fault> {
    for (;;) {
      const taken = takeReply(this.unread)
      if (taken === 'unreadable') {
        this.fail(UNREADABLE)
        return { fault: UNREADABLE }
      }
      if (taken !== 'needsMore') {
        this.unread = taken.rest
        return taken.reply
      }
      if (this.fault !== null) return { fault: this.fault }
      await this.changed()
    }
  }

  /** True when the service has said something that nobody has read yet. */
  hasUnread(): boolean {
    return this.unread.length > 0
  }

  /** Resolves when the socket takes more; false after a fault. */
  async send(bytes: string | Buffer): Promise<boolean> {
    if (this.hasFailed()) return false
    this.socket.write(bytes)
    while (this.socket.writableNeedDrain && !this.hasFailed()) await this.changed()
    return !this.hasFailed()
  }

  private hasFailed(): boolean {
    return this.fault !== null
  }

  /** Lets the service answer what was sent ahead, so that it does not write to somebody who has gone. */
  async leave(): Promise<void> {
    clearTimeout(this.deadline)
    if (!this.hasFailed()) this.socket.end()
    const limit = setTimeout(() => this.fail('the mail service stays'), GOODBYE_TIMEOUT_MS)
    await this.failed
    clearTimeout(limit)
    this.socket.destroy()
  }
}
