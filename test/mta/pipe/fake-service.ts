// A service that follows a script line by line, for what the real one never does. It listens on a unix socket and
// takes one connection at a time; what it heard can be looked at afterwards.
import { createServer } from 'node:net'
import type { Socket } from 'node:net'

/**
 * `S: 250 ok` says a line; `S. text` says text without a line end; `C: MAIL` waits for a line that begins so;
 * `message` waits for the end of a message; `bytes 5000` waits for so many bytes of it; `close` closes; `end` says
 * nothing more but reads on; `hang` waits for ever; `deaf` stops reading. After the last step the connection stays open.
 */
export type Script = readonly string[]

export const WELCOME: Script = [
  'S: 220 fake.example LMTP',
  'C: LHLO',
  'S: 250-fake.example',
  'S: 250-PIPELINING',
  'S: 250-8BITMIME',
  'S: 250-SMTPUTF8',
  'S: 250 XEXITCODE',
]
export const TO_DATA: Script = [
  ...WELCOME,
  'C: MAIL',
  'S: 250 2.1.0 sender ok',
  'C: RCPT',
  'S: 250 2.1.5 recipient ok',
  'C: DATA',
]
export const TO_MESSAGE: Script = [...TO_DATA, 'S: 354 go on']
export const TO_END: Script = [...TO_MESSAGE, 'message']

export type FakeService = {
  readonly socketPath: string
  /** The commands heard, in order. */
  readonly commands: string[]
  /** The message as the wire had it, up to where it came; null before DATA. */
  message(): Buffer | null
  /** Whether the final dot came. */
  wasEnded(): boolean
  /** What came that the script did not ask for. */
  unread(): string
  connectionCount(): number
  close(): Promise<void>
}

export async function startFakeService(socketPath: string, script: Script): Promise<FakeService> {
  const conversations: Conversation[] = []
  const server = createServer({ allowHalfOpen: true }, socket => {
    conversations.push(new Conversation(socket, script))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socketPath, resolve)
  })
  const last = (): Conversation | undefined => conversations.at(-1)
  return {
    socketPath,
    get commands() {
      return last()?.commands ?? []
    },
    message: () => last()?.message ?? null,
    wasEnded: () => last()?.wasEnded ?? false,
    unread: () => last()?.input.toString('latin1') ?? '',
    connectionCount: () => conversations.length,
    close: () =>
      new Promise(resolve => {
        for (const conversation of conversations) conversation.socket.destroy()
        server.close(() => resolve())
      }),
  }
}

class Conversation {
  readonly commands: string[] = []
  message: Buffer | null = null
  wasEnded = false
  input: Buffer = Buffer.alloc(0)
  private step = 0

  constructor(
    readonly socket: Socket,
    private readonly script: Script,
  ) {
    socket.on('error', () => socket.destroy())
    socket.on('end', () => socket.end())
    socket.on('data', chunk => {
      this.input = Buffer.concat([this.input, chunk])
      this.goOn()
    })
    this.goOn()
  }

  private goOn(): void {
    while (this.step < this.script.length && this.take(this.script[this.step]!)) this.step++
  }

  /** False while the step waits for the client. */
  private take(step: string): boolean {
    if (step === 'message' || step.startsWith('bytes ')) return this.hear(step)
    if (step.startsWith('C: ')) return this.hearCommand(step.slice(3))
    if (step === 'hang') return false
    if (step === 'close') this.socket.destroySoon()
    else if (step === 'end') this.socket.end()
    else if (step === 'deaf') this.socket.pause()
    else if (step.startsWith('S: ')) this.socket.write(`${step.slice(3)}\r\n`, 'latin1')
    else if (step.startsWith('S. ')) this.socket.write(step.slice(3), 'latin1')
    else throw new Error(`no such step: ${step}`)
    return true
  }

  private hearCommand(beginning: string): boolean {
    const end = this.input.indexOf('\r\n')
    if (end < 0) return false
    const line = this.input.toString('utf8', 0, end)
    this.input = this.input.subarray(end + 2)
    this.commands.push(line)
    if (!line.startsWith(beginning)) this.socket.destroy()
    return true
  }

  private hear(step: string): boolean {
    const end = this.input.indexOf('\r\n.\r\n')
    const length = this.input.subarray(0, 3).equals(Buffer.from('.\r\n')) ? 0 : end + 2
    this.wasEnded = length === 0 || end >= 0
    this.message = this.wasEnded ? this.input.subarray(0, length) : this.input
    if (step !== 'message') return this.input.length >= Number(step.slice('bytes '.length))
    if (this.wasEnded) this.input = this.input.subarray(length + '.\r\n'.length)
    return this.wasEnded
  }
}

/** What the receiver of DATA makes of it, written the slow and plain way. */
export function undotted(wire: Buffer): Buffer {
  const lines = wire.toString('latin1').split('\r\n')
  return Buffer.from(lines.map(line => (line.startsWith('.') ? line.slice(1) : line)).join('\n'), 'latin1')
}
