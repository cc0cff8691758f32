// Forwarding, `to "!joe@example.org"`: a message and where it shall go come in, one outcome goes out, never a throw.
// "Delivered" only after sendmail or the relay took it for every address. The envelope sender stays (null stays null),
// and a Delivered-To in front lets us see the message when it comes round again.
import { formatAddress, parseAddress, type Address } from '../mail/address.js'
import { withPrefix, type Content } from '../mail/content.js'
import type { Outcome } from '../mail/outcome.js'
import type { ForwardSettings } from './forward-settings.js'
import { submitToSendmail } from './sendmail.js'
import { parseRelay } from './relay-address.js'
import { submitToRelay } from './smtp-relay.js'

export type Forwarding = {
  readonly content: Content
  /** The envelope's sender; null: a bounce. */
  readonly sender: Address | null
  /** What follows the `!`. */
  readonly addresses: string
  /** On whose behalf: stands in the Delivered-To. */
  readonly recipient: Address
  /** How we call ourselves towards the relay. */
  readonly hostName: string
}

export const MAX_FORWARD_ADDRESSES = 100

export async function forward(
  forwarding: Forwarding,
  settings: ForwardSettings,
  signal?: AbortSignal,
): Promise<Outcome> {
  const addresses = forwardAddresses(forwarding.addresses)
  if (typeof addresses === 'string') return { kind: 'misconfigured', text: `cannot forward: ${addresses}` }
  const { sender, hostName } = forwarding
  const content = withPrefix(Buffer.from(`Delivered-To: ${formatAddress(forwarding.recipient)}\n`), forwarding.content)
  const submission = { content, sender, addresses, hostName }
  if (settings.via === 'sendmail')
    return submitToSendmail(submission, settings.sendmailPath, settings.timeoutMs, signal)
  const relay = parseRelay(settings.relay)
  if (relay === null) return { kind: 'misconfigured', text: 'cannot forward: forward.relay is not host:port' }
  return submitToRelay(submission, relay, settings.timeoutMs, signal)
}

/** The addresses of `!addr1 addr2`, each once; or what is wrong with them. */
export function forwardAddresses(text: string): Address[] | string {
  const words = text.match(/(?:"(?:[^"\\]|\\.)*"|[^\s,"])+|"/gu) ?? []
  const addresses = new Map<string, Address>()
  for (const word of words) {
    const address = parseAddress(word)
    if (address === null || !isForwardable(address)) return `"${word}" is no address`
    addresses.set(formatAddress(address), address)
  }
  if (addresses.size === 0) return 'no address is named'
  if (addresses.size > MAX_FORWARD_ADDRESSES) return `more than ${MAX_FORWARD_ADDRESSES} addresses are named`
  return [...addresses.values()]
}

/** A leading `-` would be an option to sendmail; a bare `|command` or `/file` means more than an address to some MTAs. */
function isForwardable(address: Address): boolean {
  return !address.localPart.startsWith('-') && !(address.domain === '' && /^[|/:]/.test(address.localPart))
}
