// The one thing every way in needs of the rest of Mailweir: may this recipient be named, and take this message.
import type { Address } from './address.js'
import type { Envelope, Client } from './envelope.js'
import type { Outcome } from './outcome.js'
import type { Spooled } from './spooled.js'

/** What service/ gives to each way in. Neither function throws: a fault is an outcome that says "later". */
export type Arrival = {
  /** At RCPT TO. `delivered` means the recipient may be named; anything else is the reply to RCPT. */
  checkRecipient(recipient: Address, client: Client): Promise<Outcome>
  /** After the last byte. One outcome per recipient, in the envelope's order. The caller disposes of the spooled bytes afterwards. */
  handleMessage(spooled: Spooled, envelope: Envelope): Promise<readonly Outcome[]>
}
