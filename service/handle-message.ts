// One message all the way through, on one screen: look inside it, judge it, and for each recipient run the rules and
// do what they ask. Success is answered only when the message lies safely in a mailbox or with the next server.
import { startDeadline } from '../filters/deadline.js'
import { inspect } from '../filters/inspect.js'
import { parseMessage } from '../filters/mime/parse-message.js'
import { stamp, stampLines } from '../filters/stamp.js'
import type { Envelope, Recipient } from '../mail/envelope.js'
import { valuesOf } from '../mail/header.js'
import type { Outcome } from '../mail/outcome.js'
import type { Spooled } from '../mail/spooled.js'
import { deliverToRecipient } from './deliver-to-recipient.js'
import type { Disposal, Judged } from './deliver-to-recipient.js'
import type { Rooms } from './rooms.js'
import { outcomeOfVerdict } from './verdict-outcome.js'

/**
 * After this, what is left is "later": Postfix's lmtp client waits 600 s for the reply (lmtp_data_done_timeout) and then
 * sends again what was delivered meanwhile.
 */
const MESSAGE_TIMEOUT_MS = 540_000
/** Recipients of one message that are delivered to at the same time. */
const RECIPIENTS_AT_ONCE = 8

/** One outcome per recipient, in the envelope's order. A throw is a bug of ours; the caller answers it with "later". */
export async function handleMessage(spooled: Spooled, envelope: Envelope, rooms: Rooms): Promise<Outcome[]> {
  const startedAtMs = performance.now()
  const deadline = startDeadline(MESSAGE_TIMEOUT_MS, 'the message took too long', rooms.ending)
  const { signal } = deadline
  try {
    const message = await parseMessage(spooled, envelope)
    const { verdict, spamCheck } = await inspect(message, rooms.scanners, signal)
    const lines = stampLines(verdict, rooms.stamp, spamCheck)
    const judged: Judged = { message, verdict, stamped: await stamp(message, lines, rooms.stamp), signal }
    return await inTurns(envelope.recipients, async recipient => {
      const disposal = await dispose(judged, recipient, rooms)
      report(judged, recipient, disposal, rooms, startedAtMs)
      return disposal.outcome
    })
  } finally {
    deadline.end()
  }
}

/** The verdict may end it; else the recipient's rules decide. */
async function dispose(judged: Judged, recipient: Recipient, rooms: Rooms): Promise<Disposal> {
  const ended = outcomeOfVerdict(judged.verdict)
  if (ended) return { outcome: ended, mailbox: null, because: judged.verdict.policy }
  return deliverToRecipient(judged, recipient, rooms)
}

function report(judged: Judged, recipient: Recipient, disposal: Disposal, rooms: Rooms, startedAtMs: number): void {
  const { envelope, header, spooled } = judged.message
  rooms.logDelivery({
    envelope,
    recipient: recipient.address,
    messageId: valuesOf(header, 'Message-ID')[0] ?? null,
    spooled,
    verdict: judged.verdict,
    ...disposal,
    durationMs: performance.now() - startedAtMs,
  })
}

async function inTurns<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let from = 0; from < items.length; from += RECIPIENTS_AT_ONCE) {
    results.push(...(await Promise.all(items.slice(from, from + RECIPIENTS_AT_ONCE).map(act))))
  }
  return results
}
