// Who the service runs as. The parent may be root to open ports and sockets; a worker gives root up for good before
// it reads the first byte of mail.
import { execFileSync } from 'node:child_process'
import process from 'node:process'
import type { Settings } from './settings.js'

/** A user of the system. */
export type Account = { readonly name: string; readonly uid: number; readonly gid: number }

/**
 * The account behind `service.user` and `service.group`, looked up once at start through `getent`, so that users kept
 * in LDAP or NIS are found as well. A group of null is the user's own. Throws Error with the setting's name.
 */
export function accountNamed(user: string | number, group: string | number | null): Account {
  const passwd = getent('passwd', String(user))
  if (!passwd) throw new Error(`service.user: there is no user ${JSON.stringify(user)} on this machine`)
  const [name = '', uid] = [passwd[0], Number(passwd[2])]
  if (group === null) return { name, uid, gid: Number(passwd[3]) }
  const entry = getent('group', String(group))
  if (!entry) throw new Error(`service.group: there is no group ${JSON.stringify(group)} on this machine`)
  return { name, uid, gid: Number(entry[2]) }
}

function getent(database: string, key: string): string[] | null {
  try {
    const line = execFileSync('getent', [database, '--', key], { encoding: 'utf8', timeout: 10_000, stdio: 'pipe' })
    return line.trim().split(':')
  } catch (error) {
    // 2: getent's own word for "no such key"
    if ((error as { status?: unknown }).status === 2) return null
    throw error
  }
}

/** Mail is never handled as root by mistake: a parent that is root must be told who its workers are. */
export function accountToRunAs(settings: Settings): Account | null {
  const { user, group } = settings.service
  if (user !== null) return accountNamed(user, group)
  if (process.getuid?.() === 0)
    throw new Error(
      'service.user is not set: name the user that owns the mailboxes (vmail), so that mail is not handled as root',
    )
  return null
}

/** Whom this process delivers mail as: the account that it will become, or whoever it is. */
export function deliveringAs(account: Account | null): { uid: number; gid: number } {
  return account ?? { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
}

/**
 * Gives up root for good: supplementary groups, group, user, in this order, since each step needs the right that the
 * next one takes away. A process that is not root stays what it is.
 */
export function giveUpRoot(account: Account): void {
  if (process.getuid?.() !== 0 || account.uid === 0) return
  initgroups(account)
  process.setgid?.(account.gid)
  process.setuid?.(account.uid)
  if ([process.getuid, process.geteuid].some(id => id?.() === 0)) throw new Error('root could not be given up')
}

/** The user's supplementary groups come along: clamd's socket is often open to one of them only. */
function initgroups(account: Account): void {
  const withGroups = process as { initgroups?: (user: string, extraGroup: number) => void }
  withGroups.initgroups?.(account.name, account.gid)
}
