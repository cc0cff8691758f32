// An SMTP server as a way out. One connection, one transaction per address: so one address that is refused does not
// hide that another was taken. "Later" for any of them makes the whole "later": some get it twice, none loses it.
// TLS is used when it is offered, with any certificate, as between MTAs; a relay named by the site is its neighbour.
import { Readable } from 'node:stream'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { formatAddress, type Address } from '../mail/address.js'
import { chunksOf } from '../mail/content.js'
import { printable } from '../mail/finding.js'
import type { Outcome } from '../mail/outcome.js'
import type { Relay } from './relay-address.js'
import type { Submission } from './submission.js'

const MAX_RESPONSE_BYTES = 16 * 1024
const QUIT_TIMEOUT_MS = 2000

export async function submitToRelay(
  submission: Submission,
  relay: Relay,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Outcome> {
  const deadline = AbortSignal.timeout(timeoutMs)
  const stop = signal ? AbortSignal.any([deadline, signal]) : deadline
  const connection = new SMTPConnection({
    host: relay.host,
    port: relay.port,
    secure: false,
    name: submission.hostName,
    opportunisticTLS: true,
    tls: { rejectUnauthorized: false },
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    socketCloseTimeout: 0,
    maxResponseSize: MAX_RESPONSE_BYTES,
  })
  // The library also tells of a lost connection when nobody is waiting for anything.
  connection.on('error', () => undefined)
  try {
    await connect(connection, stop)
    return await submitEach(connection, submission, stop)
  } catch (cause) {
    if (deadline.aborted) return { kind: 'tryLater', text: `the relay did not answer within ${timeoutMs} ms`, cause }
    if (stop.aborted) return { kind: 'tryLater', text: 'forwarding was interrupted', cause }
    return { kind: 'tryLater', text: `the relay could not be reached: ${replyOf(cause)}`, cause }
  } finally {
    end(connection, stop)
  }
}

async function submitEach(connection: SMTPConnection, submission: Submission, stop: AbortSignal): Promise<Outcome> {
  const outcomes: Outcome[] = []
  for (const address of submission.addresses) {
    const outcome = await submitOne(connection, submission, address, stop)
    // Tried again as a whole later: what is sent now would only be sent twice.
    if (outcome.kind === 'tryLater' || outcome.kind === 'misconfigured') return outcome
    if (outcome.kind === 'refused') await settled(connection, stop, done => connection.reset(done))
    outcomes.push(outcome)
  }
  return outcomes.find(outcome => outcome.kind !== 'delivered') ?? { kind: 'delivered', text: 'forwarded' }
}

/** Throws when the connection is of no more use. */
async function submitOne(
  connection: SMTPConnection,
  submission: Submission,
  address: Address,
  stop: AbortSignal,
): Promise<Outcome> {
  const to = formatAddress(address)
  const from = submission.sender === null ? false : formatAddress(submission.sender)
  const message = Readable.from(chunksOf(submission.content), { objectMode: false })
  try {
    await settled(connection, stop, done => connection.send({ from, to: [to], use8BitMime: true }, message, done))
    return { kind: 'delivered', text: 'forwarded' }
  } catch (error) {
    if (stop.aborted) throw error
    // Without a reply the message may be half sent: nothing more must be said on this line, not even goodbye.
    if (responseCodeOf(error) === 0) connection.close()
    return outcomeOf(error, to)
  } finally {
    message.destroy()
  }
}

/** 5xx about this mail is final, with the relay's own words; 5xx about us (log in first, no such command) is not. */
function outcomeOf(cause: unknown, to: string): Outcome {
  const code = responseCodeOf(cause)
  const reply = replyOf(cause)
  if (code >= 500 && code < 600 && !OUR_FAULTS.has(code)) {
    const own = /^5\d\d[ -](5\.\d{1,3}\.\d{1,3}) +(.*)$/s.exec(reply)
    const text = own
      ? `${own[1] ?? ''} ${to} was refused by the relay: ${own[2] ?? ''}`
      : `${to} was refused by the relay: ${reply}`
    return { kind: 'refused', text, cause }
  }
  return {
    kind: OUR_FAULTS.has(code) ? 'misconfigured' : 'tryLater',
    text: `the relay did not take ${to}: ${reply}`,
    cause,
  }
}

/** RFC 5321 4.2.2, RFC 4954: unknown commands and parameters, wrong order, and authentication that we did not do. */
const OUR_FAULTS = new Set([500, 502, 503, 504, 530, 534, 535, 538, 555])

function responseCodeOf(cause: unknown): number {
  return cause instanceof Error && 'responseCode' in cause ? Number(cause.responseCode) : 0
}

function replyOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'unknown fault'
  const reply = 'response' in cause && typeof cause.response === 'string' ? cause.response : cause.message
  return printable(reply.replaceAll('\n', ' '))
}

function connect(connection: SMTPConnection, stop: AbortSignal): Promise<void> {
  return settled(connection, stop, done => connection.connect(done))
}

type Done = (error?: Error | null) => void

/** One command as a promise. The library reports a lost connection by event, so every way to end is listened to. */
async function settled(connection: SMTPConnection, stop: AbortSignal, act: (done: Done) => void): Promise<void> {
  stop.throwIfAborted()
  const { promise, resolve, reject } = withResolvers()
  const onAbort = () => reject(stop.reason as Error)
  const onEnd = () => setImmediate(() => reject(new Error('the connection was closed')))
  stop.addEventListener('abort', onAbort, { once: true })
  connection.on('error', reject)
  connection.on('end', onEnd)
  try {
    act(error => (error ? reject(error) : resolve()))
    await promise
  } finally {
    stop.removeEventListener('abort', onAbort)
    connection.off('error', reject)
    connection.off('end', onEnd)
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve: () => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** Says goodbye where the line is still good; the answer to the message never waits for it. */
function end(connection: SMTPConnection, stop: AbortSignal): void {
  if (stop.aborted || connection.destroyed || connection.stage !== 'connected') {
    connection.close()
    return
  }
  const timer = setTimeout(() => connection.close(), QUIT_TIMEOUT_MS)
  connection.once('end', () => clearTimeout(timer))
  connection.quit()
}
