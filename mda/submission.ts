// A message on its way out, with the addresses it is for: what forward.ts hands to sendmail or to a relay.
import type { Address } from '../mail/address.js'
import type { Content } from '../mail/content.js'

/** What sendmail.ts and smtp-relay.ts carry out. */
export type Submission = {
  readonly content: Content
  readonly sender: Address | null
  readonly addresses: readonly Address[]
  readonly hostName: string
}
