// Hands one message for one recipient to the service by LMTP over its unix socket. Comes back with the exit code and the
// text to print, or with `noService`, and then nothing of the input has been read. Never throws: whatever fails is
// "try later", and a message whose input failed is never ended with the dot that would have it accepted.
import { CHUNK_BYTES } from '../../mail/limits.js'
import {
  answerOf,
  encodePiece,
  envelopeCommands,
  extensionsIn,
  messageEnd,
  tryLater,
  UNREADABLE,
} from './lmtp-client-protocol.js'
import type { Answer, Reply } from './lmtp-client-protocol.js'
import { connectToService } from './service-connection.js'
import type { Fault, ServiceConnection } from './service-connection.js'

export type Submission = {
  readonly socketPath: string
  /** null: the null sender. */
  readonly sender: string | null
  readonly recipient: string
  readonly input: AsyncIterable<Buffer>
  /** For everything, from connect to the last reply. */
  readonly timeoutMs: number
}

export type Submitted = Answer | { readonly kind: 'noService' }

export async function submitOverLmtp(submission: Submission): Promise<Submitted> {
  const connected = await connectToService(submission.socketPath, Date.now() + submission.timeoutMs)
  if (connected.kind === 'noService') return connected
  if (connected.kind === 'failed') return tryLater(connected.fault, connected.isSetting ? '4.3.5' : '4.3.0')
  try {
    return await converse(connected.connection, submission)
  } catch (fault) {
    return tryLater(`unexpected fault: ${String(fault)}`)
  } finally {
    await connected.connection.leave()
  }
}

async function converse(connection: ServiceConnection, submission: Submission): Promise<Answer> {
  const greeting = await connection.reply()
  if (!isOfClass(2, greeting)) return refusal(greeting)
  await connection.send('LHLO localhost\r\n')
  const welcome = await connection.reply()
  if (!isOfClass(2, welcome)) return refusal(welcome)
  const commands = envelopeCommands(submission.sender, submission.recipient, extensionsIn(welcome))
  if (commands === null) return tryLater('the mail service does not take addresses in UTF-8', '4.3.5')
  await connection.send(commands)
  // MAIL, RCPT, DATA. A refused recipient ends it here, before the 503 that DATA then gets.
  for (const replyClass of [2, 2, 3]) {
    const reply = await connection.reply()
    if (!isOfClass(replyClass, reply)) return refusal(reply)
  }
  const failed = await sendMessage(connection, submission.input)
  if (failed) return failed
  const last = await connection.reply()
  return isOfClass(2, last) ? answerOf(last) : refusal(last)
}

function isOfClass(replyClass: number, reply: Reply | Fault): reply is Reply {
  return 'code' in reply && Math.floor(reply.code / 100) === replyClass
}

/** The answer to a reply that is not the one hoped for. */
function refusal(reply: Reply | Fault): Answer {
  if ('fault' in reply) return tryLater(reply.fault)
  return reply.code >= 400 ? answerOf(reply) : tryLater(UNREADABLE)
}

/** null when all of it was sent. An answer that comes before the end can refuse the message but never accept it. */
async function sendMessage(connection: ServiceConnection, input: AsyncIterable<Buffer>): Promise<Answer | null> {
  const iterator = input[Symbol.asyncIterator]()
  let atLineStart = true
  let isEmpty = true
  for (;;) {
    const next = await nextPiece(iterator, connection)
    if ('fault' in next) return next.isInput ? tryLater(next.fault) : refusal(await connection.reply())
    if (next.piece === null) break
    if (next.piece.length > 0) isEmpty = false
    for (let start = 0; start < next.piece.length; start += CHUNK_BYTES) {
      const encoded = encodePiece(next.piece.subarray(start, start + CHUNK_BYTES), atLineStart)
      atLineStart = encoded.atLineStart
      if (!(await connection.send(encoded.bytes))) return refusal(await connection.reply())
    }
  }
  if (isEmpty) return tryLater('standard input is empty, there is no message')
  if (connection.hasUnread()) return refusal(await connection.reply())
  await connection.send(messageEnd(atLineStart))
  return null
}

type NextPiece = { readonly piece: Buffer | null } | { readonly fault: string; readonly isInput: boolean }

/** Input that stalls must not outlive the connection or the deadline. */
async function nextPiece(iterator: AsyncIterator<Buffer>, connection: ServiceConnection): Promise<NextPiece> {
  const failed = connection.failed.then(({ fault }) => ({ fault, isInput: false }))
  const piece = iterator.next().then(
    next => ({ piece: next.done === true ? null : next.value }),
    (fault: unknown) => ({ fault: `cannot read the message: ${reasonOf(fault)}`, isInput: true }),
  )
  return Promise.race([piece, failed])
}

function reasonOf(fault: unknown): string {
  return fault instanceof Error ? ((fault as NodeJS.ErrnoException).code ?? fault.message) : String(fault)
}
