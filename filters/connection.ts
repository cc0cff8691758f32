// One question to a server and its one answer, over a connection of its own that the server closes.
// Owns the socket. Every wait has an end: connecting, each write, and the signal for the whole.
// What goes wrong is an answer of the kind `failed`, never an exception. A server that answers before it
// has read everything, and hangs up, is still heard.
import { Socket } from 'node:net'
import { whyAborted } from './deadline.js'
import type { SocketAddress } from './socket-address.js'

export type Failed = { readonly kind: 'failed'; readonly why: string }
export type Answer = { readonly kind: 'answered'; readonly bytes: Buffer } | Failed

export type ConnectionLimits = {
  readonly connectTimeoutMs: number
  /** For one write to be taken by the kernel, that is, for the server to read on. */
  readonly sendTimeoutMs: number
  readonly maxAnswerBytes: number
}

/** Node closes a socket whose write failed, with all that the peer had still said to us; this one goes on reading. */
class ListeningSocket extends Socket {
  override _write(chunk: unknown, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    super._write(chunk, encoding, error => done(hasHungUp(error) ? null : error))
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], done: (error?: Error | null) => void): void {
    super._writev?.(chunks, error => done(hasHungUp(error) ? null : error))
  }
}

function hasHungUp(error: NodeJS.ErrnoException | null | undefined): boolean {
  return error?.code === 'EPIPE' || error?.code === 'ECONNRESET'
}

export class Connection {
  readonly #socket = new ListeningSocket()
  readonly #limits: ConnectionLimits
  readonly #signal: AbortSignal
  readonly #connected: Promise<void>
  readonly #over: Promise<void>
  readonly #received: Buffer[] = []
  #receivedBytes = 0
  #failure: string | null = null
  /** Set when sending is of no more use: an answer has begun, or there is nobody to send to. */
  #heard = false
  #stopSending: () => void = () => undefined
  #resolveOver: () => void = () => undefined

  constructor(address: SocketAddress, limits: ConnectionLimits, signal: AbortSignal) {
    this.#limits = limits
    this.#signal = signal
    this.#over = new Promise(resolve => (this.#resolveOver = resolve))
    this.#connected = this.#connect(address)
    this.#socket.on('data', (bytes: Buffer) => this.#take(bytes))
    this.#socket.on('end', () => this.#finish())
    this.#socket.on('close', () => this.#finish())
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#interrupted(error))
    signal.addEventListener('abort', this.#callOff)
    if (signal.aborted) this.#callOff()
  }

  #connect(address: SocketAddress): Promise<void> {
    const { connectTimeoutMs } = this.#limits
    return new Promise(resolve => {
      const timer = setTimeout(() => this.#fail(`no connection within ${connectTimeoutMs} ms`), connectTimeoutMs)
      const settled = () => {
        clearTimeout(timer)
        resolve()
      }
      this.#socket.once('connect', settled)
      void this.#over.then(settled)
      if (address.kind === 'unix') this.#socket.connect({ path: address.path })
      else this.#socket.connect({ host: address.host, port: address.port, noDelay: true })
    })
  }

  /** Sends bytes in a row. False: stop sending and ask for the answer; the server has spoken or is not there. */
  async send(...buffers: Buffer[]): Promise<boolean> {
    await this.#connected
    if (this.#heard) return false
    return new Promise(resolve => {
      const { sendTimeoutMs } = this.#limits
      const timer = setTimeout(() => this.#fail(`took nothing more for ${sendTimeoutMs} ms`), sendTimeoutMs)
      const settled = (goOn: boolean) => {
        clearTimeout(timer)
        resolve(goOn)
      }
      this.#stopSending = () => settled(false)
      this.#socket.cork()
      buffers.forEach((bytes, i) =>
        this.#socket.write(bytes, error => {
          if (error || i === buffers.length - 1) settled(!error && !this.#heard)
        }),
      )
      this.#socket.uncork()
    })
  }

  /** Closes our direction only: the server sees the end of what we send. */
  endSending(): void {
    if (!this.#heard) this.#socket.end()
  }

  /** All that the server says until it closes the connection. */
  async answer(): Promise<Answer> {
    await this.#over
    if (this.#failure !== null) return { kind: 'failed', why: this.#failure }
    return { kind: 'answered', bytes: Buffer.concat(this.#received) }
  }

  /** Must be called when the conversation is over, whatever came of it. */
  close(): void {
    this.#signal.removeEventListener('abort', this.#callOff)
    this.#socket.destroy()
    this.#finish()
  }

  readonly #callOff = () => this.#fail(whyAborted(this.#signal))

  #take(bytes: Buffer): void {
    this.#receivedBytes += bytes.length
    if (this.#receivedBytes > this.#limits.maxAnswerBytes) {
      this.#fail(`an answer of more than ${this.#limits.maxAnswerBytes} bytes`)
      return
    }
    this.#received.push(bytes)
    this.#heard = true
    this.#stopSending()
  }

  /** A reset after an answer is how a server ends that has not read all we sent; whoever parses the answer knows if it is whole. */
  #interrupted(error: NodeJS.ErrnoException): void {
    if (hasHungUp(error) && this.#receivedBytes > 0) this.#finish()
    else this.#fail(`connection failed, ${error.code ?? error.message}`)
  }

  #fail(why: string): void {
    this.#failure ??= why
    this.#socket.destroy()
    this.#finish()
  }

  #finish(): void {
    this.#heard = true
    this.#stopSending()
    this.#resolveOver()
  }
}
