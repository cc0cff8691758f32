// Users whose home directory follows from the address: `/var/mailbox/%d/%n`.
// Comes in: an address; goes out: a user, or "unknown" for an address that makes no safe path or has no home.
// An address never becomes a path outside the template: what could climb or hide is unknown. A base that is missing
// or empty (not mounted yet) is a temporary fault, else every user's mail would bounce.
import { lstatSync } from 'node:fs'
import { opendir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Address } from '../../mail/address.js'
import { TemporaryFault, type User, type UserSource } from './user.js'

export type TemplateOptions = {
  readonly templateHome: string
  readonly mustExist: boolean
  readonly uid: number
  readonly gid: number
  readonly defaultMaildir: string
}

export class TemplateUsers implements UserSource {
  readonly #options: TemplateOptions

  constructor(options: TemplateOptions) {
    const fault = templateFault(options.templateHome)
    if (fault !== null) throw new Error(fault)
    this.#options = options
  }

  async find(address: Address): Promise<User | 'unknown'> {
    const { templateHome, mustExist, uid, gid, defaultMaildir } = this.#options
    const home = homeFor(address, templateHome)
    if (home === null) return 'unknown'
    if (mustExist && !(await isHome(home, templateHome))) return 'unknown'
    return { name: nameOf(address), home, uid, gid, maildir: defaultMaildir, quota: null }
  }
}

/** What is wrong with a template, for the settings check; null when nothing is. */
export function templateFault(template: string): string | null {
  if (!template.startsWith('/')) return 'the home template must begin with /'
  if (template.split('/').includes('..')) return 'the home template must not contain ..'
  if (template.replace(/%[und%]/g, '').includes('%')) return 'the home template knows %u, %n, %d and %% only'
  if (!/%[un]/.test(template.replaceAll('%%', ''))) return 'without %n or %u the home template gives all users one home'
  return null
}

/** The home of an address, or null when its parts can't stand in a path. */
export function homeFor(address: Address, template: string): string | null {
  const localPart = address.localPart.toLowerCase()
  const domain = address.domain.toLowerCase()
  if (!isSafeName(localPart)) return null
  if (domain === '' ? /%[ud]/.test(template.replaceAll('%%', '')) : !isSafeName(domain)) return null
  const values: Record<string, string> = { u: `${localPart}@${domain}`, n: localPart, d: domain, '%': '%' }
  return template.replace(/%([und%])/g, (_, key: string) => values[key] ?? '')
}

function nameOf(address: Address): string {
  const localPart = address.localPart.toLowerCase()
  return address.domain === '' ? localPart : `${localPart}@${address.domain.toLowerCase()}`
}

/** One path component that neither climbs (`..`, `/`), nor hides (leading dot), nor breaks a line or a C string. */
function isSafeName(name: string): boolean {
  return name !== '' && !name.startsWith('.') && !name.includes('..') && !/[/\x00-\x1f\x7f-\x9f]/.test(name)
}

async function isHome(home: string, template: string): Promise<boolean> {
  try {
    // lstat: a link that somebody made in the last place is no home of ours; it isn't followed, nor is its mail bounced.
    const found = lstatSync(home, { throwIfNoEntry: false })
    if (!found) {
      await assertBaseIsThere(template)
      return false
    }
    if (found.isSymbolicLink()) throw new TemporaryFault(`home ${home} is a symbolic link`)
    return found.isDirectory()
  } catch (error) {
    if (error instanceof TemporaryFault) throw error
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENAMETOOLONG' || code === 'ENOTDIR') return false
    throw new TemporaryFault(`cannot look for home ${home}: ${code ?? 'unknown error'}`, { cause: error })
  }
}

async function assertBaseIsThere(template: string): Promise<void> {
  const base = dirname(template.slice(0, template.indexOf('%')) + 'x')
  try {
    const directory = await opendir(base)
    const first = await directory.read()
    await directory.close()
    if (first !== null) return
  } catch (error) {
    throw new TemporaryFault(`cannot look into ${base}, where the homes are`, { cause: error })
  }
  throw new TemporaryFault(`${base}, where the homes are, is empty: is it mounted?`)
}
