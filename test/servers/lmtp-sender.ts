// A client that hands messages over by LMTP as an MTA does, one connection a message, and reports the last reply.
import { createConnection } from 'node:net'

export type Handover = {
  readonly sender: string
  readonly recipient: string
  readonly message: string
  /** Told when the end of the message is with the system. */
  readonly onSent?: () => void
}

const REPLY_TIMEOUT_MS = 30_000

/** The reply that ended the transaction, `no reply` when the connection broke before there was one. */
export function sendByLmtp(
  target: string | { host: string; port: number },
  { sender, recipient, message, onSent }: Handover,
): Promise<string> {
  const steps = [`LHLO test.example`, `MAIL FROM:<${sender}>`, `RCPT TO:<${recipient}>`, 'DATA', wireForm(message)]
  return new Promise(resolve => {
    const socket = typeof target === 'string' ? createConnection(target) : createConnection(target)
    let received = ''
    const end = (reply: string): void => {
      socket.destroy()
      resolve(reply)
    }
    socket.setTimeout(REPLY_TIMEOUT_MS, () => end('no reply'))
    socket.once('error', () => end('no reply'))
    socket.once('close', () => end('no reply'))
    socket.on('data', data => {
      received += data.toString('latin1')
      for (let reply: string | null; (reply = takeReply()) !== null;) {
        const next = steps.shift()
        if (next === undefined || !/^[23]/.test(reply)) {
          end(reply)
          return
        }
        socket.write(`${next}\r\n`, () => steps.length === 0 && onSent?.())
      }
    })
    function takeReply(): string | null {
      const found = /^(?:\d{3}-.*\r\n)*(\d{3} .*)\r\n/.exec(received)
      if (!found) return null
      received = received.slice(found[0].length)
      return found[1] ?? null
    }
  })
}

function wireForm(message: string): string {
  return message.replace(/\n$/, '').replace(/^\./gm, '..').replaceAll('\n', '\r\n') + '\r\n.'
}
