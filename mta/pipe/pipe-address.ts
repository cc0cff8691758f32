// Addresses as an MTA's pipe writes them on a command line or in a Return-Path, turned into what an LMTP envelope has
// between its angle brackets. What is no address is never passed on.
import { formatAddress, parseAddress } from '../../mail/address.js'

/**
 * The address as an envelope writes it, or null. An MTA may give a local part with blanks unquoted (pipe(8) without
 * the flag q): it gets its quotes here.
 */
export function writtenAddress(text: string): string | null {
  // Node puts U+FFFD where an argument was not UTF-8.
  if (text.includes('\ufffd')) return null
  if (parseAddress(text)) return text
  const at = text.lastIndexOf('@')
  const address = { localPart: at < 0 ? text : text.slice(0, at), domain: at < 0 ? '' : text.slice(at + 1) }
  if (address.localPart === '' || (at >= 0 && address.domain === '')) return null
  const quoted = formatAddress(address)
  return parseAddress(quoted) ? quoted : null
}

/** Empty, `<>` and Postfix's MAILER-DAEMON are the null sender; one pair of angle brackets is taken off. */
export function senderFrom(text: string): { readonly address: string | null } | 'invalid' {
  const inner = text.length >= 2 && text.startsWith('<') && text.endsWith('>') ? text.slice(1, -1) : text
  if (inner === '' || inner === 'MAILER-DAEMON') return { address: null }
  const address = writtenAddress(inner)
  return address === null ? 'invalid' : { address }
}
