// A client that sends bytes exactly as told and collects what comes back; nothing in it knows SMTP but the form of a reply.
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { ListenAddress } from '../../mta/listen-address.js'

const PATIENCE_MS = 5000

export class Wire {
  private received = ''
  private waiting: (() => void) | null = null
  isClosed = false

  private constructor(readonly socket: Socket) {
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('utf8')
      this.waiting?.()
    })
    socket.on('error', () => undefined)
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.isClosed = true
        this.waiting?.()
      })
    }
  }

  static async open(address: ListenAddress): Promise<Wire> {
    const socket = address.kind === 'unix' ? connect(address.path) : connect(address.port, address.host)
    const wire = new Wire(socket)
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return wire
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes)
  }

  /** The next line, without its CRLF; `<closed>` when the server has closed. */
  async line(patienceMs = PATIENCE_MS): Promise<string> {
    await this.until(() => this.received.includes('\r\n') || this.isClosed, patienceMs)
    const end = this.received.indexOf('\r\n')
    if (end < 0) return '<closed>'
    const line = this.received.slice(0, end)
    this.received = this.received.slice(end + 2)
    return line
  }

  /** The next whole reply, its lines joined. */
  async reply(patienceMs = PATIENCE_MS): Promise<string> {
    const lines: string[] = []
    for (;;) {
      const line = await this.line(patienceMs)
      lines.push(line)
      if (!/^\d{3}-/.test(line)) return lines.join('\n')
    }
  }

  async ask(command: string): Promise<string> {
    this.send(`${command}\r\n`)
    return this.reply()
  }

  /** Everything that comes until the server closes. */
  async rest(patienceMs = PATIENCE_MS): Promise<string> {
    await this.until(() => this.isClosed, patienceMs)
    const rest = this.received
    this.received = ''
    return rest
  }

  /** What has come so far and was not asked for. */
  unread(): string {
    return this.received
  }

  close(): void {
    this.socket.destroy()
  }

  private async until(isSo: () => boolean, patienceMs: number): Promise<void> {
    const deadline = Date.now() + patienceMs
    while (!isSo()) {
      const leftMs = deadline - Date.now()
      if (leftMs <= 0) throw new Error(`nothing came in ${patienceMs} ms; so far: ${JSON.stringify(this.received)}`)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, leftMs)
        this.waiting = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.waiting = null
    }
  }
}
