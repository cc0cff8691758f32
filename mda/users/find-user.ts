// Finds the user an address belongs to: the exact address in every source, then the address without its extension.
// Rejects with TemporaryFault as soon as a source can't tell: what comes after it must not answer in its place.
import type { Address } from '../../mail/address.js'
import { PasswdFileUsers } from './passwd-file.js'
import type { UsersSettings } from './settings.js'
import { TemplateUsers } from './template.js'
import type { User, UserSource } from './user.js'

/** `extension` is what followed the delimiter when the address was found without it. */
export type FoundUser = { readonly user: User; readonly extension: string | null }

/** `owner`: the one mail user, to whom all mail of a template's users belongs. */
export function userSources(settings: UsersSettings, owner: { uid: number; gid: number }): UserSource[] {
  if (settings.source === 'passwd') return [new PasswdFileUsers(settings)]
  return [new TemplateUsers({ ...settings, ...owner })]
}

export async function findUser(
  address: Address,
  sources: readonly UserSource[],
  recipientDelimiter: string,
): Promise<FoundUser | 'unknown'> {
  for (const { candidate, extension } of candidatesFor(address, recipientDelimiter)) {
    for (const source of sources) {
      const user = await source.find(candidate)
      if (user !== 'unknown') return { user, extension }
    }
  }
  return 'unknown'
}

function candidatesFor(
  address: Address,
  recipientDelimiter: string,
): { candidate: Address; extension: string | null }[] {
  const { localPart, domain } = address
  const exact = { candidate: address, extension: null }
  // From the second character: an address that begins with the delimiter has no user before it.
  let at = 1
  while (at < localPart.length && !recipientDelimiter.includes(localPart.charAt(at))) at += 1
  if (at >= localPart.length) return [exact]
  return [exact, { candidate: { localPart: localPart.slice(0, at), domain }, extension: localPart.slice(at + 1) }]
}
