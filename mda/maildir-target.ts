// Into which Maildir, on whose behalf, under which rules: what maildir.ts is given.
import { isInside, normalPath, resolveMailbox, type ResolvedMailbox, type Trust } from './mailbox-path.js'
import type { User } from './users/user.js'

export type MaildirTarget = {
  readonly mailbox: Extract<ResolvedMailbox, { kind: 'maildir' }>
  /** Who named the mailbox. A user's may not lead out of the home, symbolic links included. */
  readonly trust: Trust
  readonly home: string
  /** Owner of what is created when we run as root; else we can only be ourselves. */
  readonly uid: number
  readonly gid: number
  /** As in maildrop's UMASK: 0o077 gives files 0600 and directories 0700. */
  readonly umask: number
  /** Create the home too: only where every address is taken as a user. Else a missing home is "try later". */
  readonly createHome: boolean
}

export const DEFAULT_UMASK = 0o077

export function maildirTarget(
  user: User,
  mailbox: MaildirTarget['mailbox'],
  rules: Partial<Pick<MaildirTarget, 'trust' | 'umask' | 'createHome'>> = {},
): MaildirTarget {
  return {
    mailbox,
    trust: rules.trust ?? 'site',
    home: normalPath(user.home),
    uid: user.uid,
    gid: user.gid,
    umask: rules.umask ?? DEFAULT_UMASK,
    createHome: rules.createHome ?? false,
  }
}

/** The mailbox that the user's source names: the site's word, so a Maildir is created there whatever it is called. */
export function defaultMailbox(user: User): ResolvedMailbox {
  return resolveMailbox(`${user.maildir}/`, user.home, 'site')
}

/** Root writing where a user rules would follow the user's links with root's rights: then home binds the site too. */
export function isConfined(target: MaildirTarget): boolean {
  return target.trust === 'user' || (givesAway(target) && isInside(target.mailbox.path, target.home))
}

/** What we create must change hands. */
export function givesAway(target: MaildirTarget): boolean {
  return isRoot() && (target.uid !== 0 || target.gid !== 0)
}

let root: boolean | null = null

/** Asked once: a process that delivers has become whoever it will be. */
function isRoot(): boolean {
  return (root ??= process.geteuid?.() === 0)
}
