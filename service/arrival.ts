// What the ways in are given: the check of a recipient and the handling of a message, neither of which ever throws.
import { formatAddress } from '../mail/address.js'
import type { Address } from '../mail/address.js'
import type { Arrival } from '../mail/arrival.js'
import { ownFault } from '../mail/outcome.js'
import type { Outcome } from '../mail/outcome.js'
import { findUser } from '../mda/users/find-user.js'
import { handleMessage } from './handle-message.js'
import type { Rooms } from './rooms.js'

export function createArrival(rooms: Rooms): Arrival {
  return {
    checkRecipient: recipient => checkRecipient(recipient, rooms),
    handleMessage: async (spooled, envelope) => {
      try {
        return await handleMessage(spooled, envelope, rooms)
      } catch (cause) {
        rooms.log.error({ id: envelope.id, cause: textOf(cause) }, 'a bug: the message is deferred')
        return envelope.recipients.map(() => ownFault(cause))
      }
    },
  }
}

async function checkRecipient(recipient: Address, rooms: Rooms): Promise<Outcome> {
  try {
    const found = await findUser(recipient, rooms.users.sources, rooms.users.recipientDelimiter)
    if (found !== 'unknown') return { kind: 'delivered', text: 'recipient ok' }
    rooms.log.info({ recipient: formatAddress(recipient) }, 'unknown recipient')
    return { kind: 'noSuchMailbox', text: `no mailbox here by the name of ${formatAddress(recipient)}` }
  } catch (cause) {
    rooms.log.error({ recipient: formatAddress(recipient), cause: textOf(cause) }, 'the recipient cannot be looked up')
    return { kind: 'tryLater', text: 'users cannot be looked up now, try again later', cause }
  }
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
}
