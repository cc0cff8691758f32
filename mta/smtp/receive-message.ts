// One message coming in by SMTP: from the stream into the spool, then to the rest of Mailweir. Gives one outcome for
// its one recipient, and never rejects: what throws, and what ends before its last byte, is "try later".
import type { SMTPServerDataStream } from 'smtp-server'
import type { Arrival } from '../../mail/arrival.js'
import type { Envelope } from '../../mail/envelope.js'
import { ownFault } from '../../mail/outcome.js'
import type { Outcome } from '../../mail/outcome.js'
import type { Log } from '../log.js'
import { nextMessageId } from '../message-id.js'
import type { Spool, SpoolWriter } from '../spool.js'
import { LineEnds } from './line-ends.js'

type Terms = { readonly arrival: Arrival; readonly spool: Spool; readonly log: Log }

export async function receiveMessage(
  stream: SMTPServerDataStream,
  from: Pick<Envelope, 'sender' | 'recipients' | 'client'>,
  terms: Terms,
): Promise<Outcome> {
  const receivedAt = new Date()
  const envelope: Envelope = { id: nextMessageId(receivedAt), ...from, receivedAt }
  const about = { id: envelope.id, peer: envelope.client.peer }
  const writer = terms.spool.open()
  try {
    await copyInto(writer, stream)
  } catch (fault) {
    // The stream breaks off when the client leaves: without its last line there is no message.
    await writer.discard()
    terms.log('info', 'the client left in the middle of a message', { ...about, fault })
    return ownFault()
  }
  try {
    if (stream.sizeExceeded) {
      await writer.discard()
      terms.log('info', 'a message is too large', about)
      return { kind: 'tooLarge', text: 'message too large' }
    }
    return await handle(writer, envelope, terms)
  } catch (fault) {
    terms.log('error', 'a fault while handling a message', { ...about, fault })
    return ownFault()
  }
}

async function copyInto(writer: SpoolWriter, stream: SMTPServerDataStream): Promise<void> {
  const lineEnds = new LineEnds()
  for await (const piece of stream as AsyncIterable<Buffer>) {
    // What is too large is read to its end, so that the client can be told, and thrown away.
    await (stream.sizeExceeded ? writer.discard() : writer.write(lineEnds.read(piece)))
  }
  await writer.write(lineEnds.rest())
}

async function handle(writer: SpoolWriter, envelope: Envelope, { arrival, log }: Terms): Promise<Outcome> {
  const result = await writer.finish()
  if (result.kind === 'failed') {
    log('error', 'cannot spool a message', { id: envelope.id, fault: result.outcome.cause })
    return result.outcome
  }
  try {
    const [outcome] = await arrival.handleMessage(result.spooled, envelope)
    if (!outcome) throw new Error('no outcome for the recipient')
    return outcome
  } finally {
    await result.dispose()
  }
}
