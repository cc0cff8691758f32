// Whether a recipient is ours to take mail for. Only an address in one of our own domains is, written plainly: every
// form that some mail program reads as "send it on to there" is refused, whoever asks and whatever comes behind us.
import { domainToASCII } from 'node:url'
import { parseAddress } from '../../mail/address.js'
import type { Address } from '../../mail/address.js'

export type OwnRecipient =
  { readonly kind: 'ours'; readonly address: Address } | { readonly kind: 'notOurs' } | { readonly kind: 'badSyntax' }

/** `a%b@ours`, `b!a@ours`, `"a@b"@ours`, `@x:a@ours`: routes, once read as such by sendmail, Postfix and qmail. */
const ROUTING_CHARACTERS = /[%!@:]/

/** `domains` as in the settings, and so the domain comes out. `postmaster` without a domain is taken, as RFC 5321 4.5.1 wants. */
export function ownRecipient(text: string, domains: readonly string[]): OwnRecipient {
  const address = parseAddress(text)
  if (!address) return { kind: 'badSyntax' }
  const [firstDomain] = domains
  if (address.domain === '' && address.localPart.toLowerCase() === 'postmaster' && firstDomain !== undefined) {
    return { kind: 'ours', address: { localPart: address.localPart, domain: firstDomain } }
  }
  if (ROUTING_CHARACTERS.test(address.localPart)) return { kind: 'notOurs' }
  const domain = comparable(address.domain)
  const own = domain === '' ? undefined : domains.find(candidate => comparable(candidate) === domain)
  if (own === undefined) return { kind: 'notOurs' }
  return { kind: 'ours', address: { localPart: address.localPart, domain: own } }
}

/** A host name, not an address literal. */
export function isDomainName(text: string): boolean {
  return (
    /^[^\s"<>()[\]\\,;:@/.]+(\.[^\s"<>()[\]\\,;:@/.]+)*$/u.test(text) &&
    comparable(text) !== '' &&
    !/^[\d.]+$/.test(text)
  )
}

// An internationalised domain may come in either form (RFC 5890); an invalid one becomes ''.
function comparable(domain: string): string {
  return domainToASCII(domain).toLowerCase()
}
