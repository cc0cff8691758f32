// Sends a corpus over LMTP or SMTP as fast as the server answers, and prints the rate as one line of JSON.
//   load.js lmtp|smtp TARGET FOLDER COUNT CONNECTIONS RECIPIENT
// TARGET is a unix socket's path or host:port; %d in RECIPIENT becomes 0 to 9 in turn.
import { readdirSync, readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'

export type LoadResult = { count: number; errors: number; perSecond: number; p50Ms: number; p99Ms: number }

const [protocol = '', target = '', folder = '', countText = '', connectionsText = '', recipient = ''] =
  process.argv.slice(2)
const count = Number(countText)
const messages = readdirSync(folder)
  .sort()
  .map(name => wireForm(readFileSync(join(folder, name), 'latin1')))

function wireForm(message: string): Buffer {
  const lines = message.replace(/\n$/, '').split('\n')
  return Buffer.from(lines.map(line => (line.startsWith('.') ? `.${line}` : line)).join('\r\n') + '\r\n.\r\n', 'latin1')
}

/** One connection: replies are awaited one by one, multi-line replies count once. */
class Connection {
  private readonly socket: Socket
  private received = ''
  private waiting: ((line: string) => void) | null = null

  constructor() {
    const [host, port] = target.startsWith('/') ? [] : target.split(':')
    this.socket = host === undefined ? createConnection(target) : createConnection(Number(port), host)
    this.socket.setNoDelay(true)
    this.socket.on('data', data => this.take(data.toString('latin1')))
    this.socket.on('close', () => this.waiting?.('421 closed'))
  }

  private take(text: string): void {
    this.received += text
    this.next()
  }

  private next(): void {
    if (!this.waiting) return
    for (let end: number; (end = this.received.indexOf('\n')) >= 0;) {
      const line = this.received.slice(0, end)
      this.received = this.received.slice(end + 1)
      if (line[3] === '-') continue
      const tell = this.waiting
      this.waiting = null
      tell(line)
      return
    }
  }

  reply(): Promise<string> {
    return new Promise(resolve => {
      this.waiting = resolve
      this.next()
    })
  }

  write(data: string | Buffer): void {
    this.socket.write(data)
  }

  close(): void {
    this.socket.end('QUIT\r\n')
  }
}

const timesMs: number[] = []
let sent = 0
let errors = 0

async function work(): Promise<void> {
  const connection = new Connection()
  await connection.reply()
  connection.write(`${protocol === 'lmtp' ? 'LHLO' : 'EHLO'} bench.example\r\n`)
  await connection.reply()
  while (sent < count) {
    const n = sent++
    const begin = performance.now()
    connection.write(
      `MAIL FROM:<bench@sender.example>\r\nRCPT TO:<${recipient.replace('%d', String(n % 10))}>\r\nDATA\r\n`,
    )
    const replies = [await connection.reply(), await connection.reply(), await connection.reply()]
    if (replies[2]?.startsWith('354')) {
      connection.write(messages[n % messages.length]!)
      replies.push(await connection.reply())
    }
    timesMs.push(performance.now() - begin)
    if (!replies.at(-1)?.startsWith('250') && errors++ < 3) process.stderr.write(`${replies.join(' | ')}\n`)
  }
  connection.close()
}

const begin = performance.now()
await Promise.all(Array.from({ length: Number(connectionsText) }, work))
const elapsedMs = performance.now() - begin
timesMs.sort((a, b) => a - b)
const result: LoadResult = {
  count,
  errors,
  perSecond: Math.round((count / elapsedMs) * 10_000) / 10,
  p50Ms: Math.round(timesMs[Math.floor(count / 2)]! * 100) / 100,
  p99Ms: Math.round(timesMs[Math.floor(count * 0.99)]! * 100) / 100,
}
process.stdout.write(`${JSON.stringify(result)}\n`)
