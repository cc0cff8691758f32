// Who a message is for on this machine: what every lookup answers with, and the one interface of the lookups.
import type { Address } from '../../mail/address.js'

export type User = {
  /** LOGNAME: what the filter and the log call this user. */
  readonly name: string
  /** Absolute. */
  readonly home: string
  readonly uid: number
  readonly gid: number
  /** The default mailbox, absolute or relative to `home`. */
  readonly maildir: string
  /** Maildir++ form, `NNNS,NNNC`; null when the source knows none. */
  readonly quota: string | null
}

export interface UserSource {
  /** `unknown` is a certain no. Rejects with TemporaryFault when the source can't tell now. */
  find(address: Address): Promise<User | 'unknown'>
}

/** The source can't tell now whether there is such a user: never "unknown", always "try later". */
export class TemporaryFault extends Error {
  override readonly name = 'TemporaryFault'
}
