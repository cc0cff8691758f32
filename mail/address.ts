// An address of the envelope. Comes in as the text between the angle brackets of MAIL FROM and RCPT TO,
// goes out as a value that can be compared and printed. What is not an address is null, never an exception.

/** `local@domain`; `domain` is empty for a bare local user (`maildrop -d joe`). Neither part is case-folded here. */
export type Address = { readonly localPart: string; readonly domain: string }

/** The longest address we take, in bytes: 64 for the local part, 255 for the domain, one for the `@` (RFC 5321 4.5.3.1). */
export const MAX_ADDRESS_BYTES = 320

/**
 * Reads an envelope address (RFC 5321 4.1.2, with RFC 6531's UTF-8 and without source routes).
 * A quoted local part loses its quotes. Returns null for what is no address, control characters included.
 */
export function parseAddress(text: string): Address | null {
  if (text.length === 0 || Buffer.byteLength(text) > MAX_ADDRESS_BYTES || /[\x00-\x1f\x7f]/.test(text)) return null
  if (text.startsWith('"')) return parseQuoted(text)
  const at = text.lastIndexOf('@')
  const localPart = at < 0 ? text : text.slice(0, at)
  const domain = at < 0 ? '' : text.slice(at + 1)
  if (/[\s"<>()[\]\\,;:@]/.test(localPart) || localPart === '') return null
  return isDomain(domain, at >= 0) ? { localPart, domain } : null
}

function parseQuoted(text: string): Address | null {
  const quoted = /^"((?:[^"\\]|\\.)+)"(@(.+))?$/u.exec(text)
  if (!quoted?.[1]) return null
  const domain = quoted[3] ?? ''
  const localPart = quoted[1].replace(/\\(.)/gu, '$1')
  return isDomain(domain, quoted[2] !== undefined) ? { localPart, domain } : null
}

function isDomain(domain: string, required: boolean): boolean {
  if (domain === '') return !required
  return /^\[[0-9A-Fa-f:.IPv]+\]$/.test(domain) || /^[^\s"<>()[\]\\,;:@/]+$/u.test(domain)
}

/** The address as it is written in an envelope: `local@domain`, the local part quoted where RFC 5321 asks for it. */
export function formatAddress(address: Address): string {
  const localPart = /^[^\s"<>()[\]\\,;:@]+$/u.test(address.localPart)
    ? address.localPart
    : `"${address.localPart.replace(/(["\\])/g, '\\$1')}"`
  return address.domain === '' ? localPart : `${localPart}@${address.domain}`
}
