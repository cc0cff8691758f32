// The whole path in one process, for a pipe that finds no service to talk to, and for `mailweir deliver`. What the
// service does for thousands of messages is done here for one.
import process from 'node:process'
import type { LogSettings } from '../admin/log-settings.js'
import { createLog } from '../admin/service-log.js'
import type { Log } from '../admin/service-log.js'
import { parseAddress } from '../mail/address.js'
import type { Address } from '../mail/address.js'
import { ownFault, replyFor } from '../mail/outcome.js'
import type { Outcome } from '../mail/outcome.js'
import { nextMessageId } from '../mta/message-id.js'
import type { SpoolResult } from '../mta/spool.js'
import { createArrival } from './arrival.js'
import { accountToRunAs, deliveringAs, giveUpRoot } from './privileges.js'
import { DEFAULT_CONFIG_PATH, readSettingsOrExplain } from './read-settings.js'
import { openRooms } from './rooms.js'
import type { Rooms } from './rooms.js'

export type InProcessDelivery = {
  readonly recipient: string
  /** null or empty: a bounce. */
  readonly sender: string | null
  readonly input: AsyncIterable<Buffer>
  /** null: where the settings usually are. */
  readonly configPath: string | null
}

/** `text` begins with the enhanced status, which Postfix's pipe(8) then uses; empty when all went well. */
export async function deliverInProcess(delivery: InProcessDelivery): Promise<{ exitCode: number; text: string }> {
  const recipient = parseAddress(delivery.recipient)
  if (!recipient) return answer({ kind: 'noSuchMailbox', text: 'the recipient is no address' })
  const settings = await readSettingsOrExplain(delivery.configPath ?? DEFAULT_CONFIG_PATH)
  if (!settings) return answer({ kind: 'misconfigured', text: 'the settings have faults (mailweir config check)' })
  const account = accountToRunAs(settings)
  // Standard output carries the reply: a log that would go there goes nowhere.
  if (account) giveUpRoot(account)
  const log = logBesideReply(settings.log)
  const rooms = openRooms(settings, log, deliveringAs(account))
  try {
    await rooms.prepare()
    return answer(await deliverOne(delivery, recipient, rooms))
  } finally {
    await rooms.close()
  }
}

/** A log that cannot be opened must not hold up the mail. */
function logBesideReply(settings: LogSettings): Log {
  try {
    return createLog({ ...settings, file: settings.file ?? '/dev/null' })
  } catch (error) {
    process.stderr.write(`mailweir: the log cannot be opened: ${String(error)}\n`)
    return createLog({ ...settings, file: '/dev/null' })
  }
}

async function deliverOne(delivery: InProcessDelivery, recipient: Address, rooms: Rooms): Promise<Outcome> {
  const arrival = createArrival(rooms)
  const client = { arrival: 'pipe', peer: 'unix', heloName: null } as const
  const check = await arrival.checkRecipient(recipient, client)
  if (check.kind !== 'delivered') return check
  const result = await spool(delivery.input, rooms)
  if (result.kind === 'failed') return result.outcome
  try {
    const receivedAt = new Date()
    const [outcome] = await arrival.handleMessage(result.spooled, {
      id: nextMessageId(receivedAt),
      sender: delivery.sender ? parseAddress(delivery.sender) : null,
      recipients: [{ address: recipient }],
      client,
      receivedAt,
    })
    return outcome ?? ownFault()
  } finally {
    await result.dispose()
  }
}

async function spool(input: AsyncIterable<Buffer>, rooms: Rooms): Promise<SpoolResult> {
  const writer = rooms.spool.open()
  for await (const piece of input) {
    await writer.write(piece)
    if (writer.sizeBytes > rooms.spool.maxMessageBytes) {
      await writer.discard()
      return { kind: 'failed', outcome: { kind: 'tooLarge', text: 'the message is larger than this system takes' } }
    }
  }
  return writer.finish()
}

function answer(outcome: Outcome): { exitCode: number; text: string } {
  const { exitCode, status, text } = replyFor(outcome)
  return { exitCode, text: exitCode === 0 ? '' : `${status} ${text}\n` }
}
