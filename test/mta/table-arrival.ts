// What stands for the rest of Mailweir in the tests of the ways in: what becomes of a message is written in the
// recipient's name. Messages that were handed over are kept, and those that stay are held until the test lets go.
import { formatAddress } from '../../mail/address.js'
import type { Arrival } from '../../mail/arrival.js'
import type { Envelope } from '../../mail/envelope.js'
import type { Outcome } from '../../mail/outcome.js'

export type Handed = { readonly envelope: Envelope; readonly body: Buffer; readonly sha256: string }

export type TableArrival = {
  readonly arrival: Arrival
  readonly handed: Handed[]
  /** Lets every message for `slow@` be answered, now and later. */
  release(): void
}

const AT_RCPT: Readonly<Record<string, Outcome>> = {
  nobody: { kind: 'noSuchMailbox', text: 'no such mailbox here' },
  later: { kind: 'tryLater', text: 'the user database is down' },
}

const AFTER_DATA: Readonly<Record<string, Outcome>> = {
  full: { kind: 'mailboxFull', text: 'the mailbox is full' },
  infected: { kind: 'refused', text: '5.7.0 virus Eicar in 1.2 offer.zip > run.exe' },
  filtered: { kind: 'refused', text: '5.3.0 the filter ended with exit code 12', exitCode: 12 },
}

export function tableArrival(): TableArrival {
  const handed: Handed[] = []
  let release = (): void => undefined
  const released = new Promise<void>(resolve => (release = resolve))
  const arrival: Arrival = {
    async checkRecipient(recipient) {
      if (recipient.localPart === 'throws') throw new Error('a bug at RCPT')
      return AT_RCPT[recipient.localPart] ?? { kind: 'delivered', text: 'known' }
    },
    async handleMessage(spooled, envelope) {
      const pieces: Buffer[] = []
      for await (const piece of spooled.bytes.stream(0, spooled.sizeBytes)) pieces.push(piece)
      const names = envelope.recipients.map(({ address }) => address.localPart)
      if (names.includes('explodes')) throw new Error('a bug in a filter')
      if (names.includes('slow')) await released
      handed.push({ envelope, body: Buffer.concat(pieces), sha256: spooled.sha256 })
      return names.map(name => AFTER_DATA[name] ?? { kind: 'delivered', text: `delivered to ${name}` })
    },
  }
  return { arrival, handed, release: () => release() }
}

/** One message in one line: `by pipe from a@b to c@d: "Subject: x\n"`. */
export function describeHanded({ envelope, body }: Handed): string {
  const sender = envelope.sender ? formatAddress(envelope.sender) : ''
  const recipients = envelope.recipients.map(({ address }) => formatAddress(address)).join(',')
  return `by ${envelope.client.arrival} from <${sender}> to ${recipients}: ${JSON.stringify(body.toString('utf8'))}`
}
