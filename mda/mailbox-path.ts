// Which directory a mailbox named in a filter or in the settings means, and whether the one who named it may have it.
// A decision about words only; what lies on the disk is looked at while delivering (open-maildir.ts).
//   Maildir/.Junk   Maildir/.Junk/   ./Maildir   /home/joe/Maildir
// A user's filter stays inside its home: virtual users share one uid, so the system would not stop it.
import { isAbsolute, join, normalize, relative, sep } from 'node:path'

/** `site`: the administrator's files and settings; `user`: what the user wrote. */
export type Trust = 'site' | 'user'

/**
 * What the name says where nothing lies there yet. `asMaildir`: ends in a slash or in `Maildir`, and is created.
 * `asFolder`: `.Junk`, created in what is a Maildir. `plainly`: `mail/old`, which for maildrop would be an mbox file.
 */
export type MailboxNaming = 'asMaildir' | 'asFolder' | 'plainly'

export type ResolvedMailbox =
  | {
      readonly kind: 'maildir'
      /** Absolute, without `.`, `..` and a slash at the end. */
      readonly path: string
      /** Whether a missing one is created. */
      readonly named: MailboxNaming
    }
  | { readonly kind: 'refused'; readonly why: string }

const MAX_PATH_BYTES = 4000
const MAX_NAME_BYTES = 255

export function resolveMailbox(path: string, home: string, trust: Trust): ResolvedMailbox {
  const fault = faultOf(path, home)
  if (fault !== null) return { kind: 'refused', why: fault }
  if (trust === 'user' && path.split(sep).includes('..')) {
    return { kind: 'refused', why: 'a mailbox must not be named with ..' }
  }
  const resolved = normalPath(isAbsolute(path) ? path : join(home, path))
  if (trust === 'user' && !isInside(resolved, normalPath(home))) {
    return { kind: 'refused', why: 'a mailbox must lie inside the home directory' }
  }
  return { kind: 'maildir', path: resolved, named: namingOf(path, lastName(resolved)) }
}

/** Without `.`, `..`, double slashes and a slash at the end: as this room compares paths. */
export function normalPath(path: string): string {
  const normal = normalize(path)
  return normal.length > 1 && normal.endsWith(sep) ? normal.slice(0, -1) : normal
}

/** `inner` is `outer` or lies in it; both absolute and normal. */
export function isInside(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(outer === sep ? sep : outer + sep)
}

/** How a mailbox is called in a reply: relative to the home where it lies there. */
export function mailboxLabel(path: string, home: string): string {
  return isInside(path, home) ? relative(home, path) || '.' : path
}

/** A Maildir++ folder such as `.Junk`. */
export function isFolderName(name: string): boolean {
  return /^\.[^.]/.test(name)
}

function namingOf(path: string, name: string): MailboxNaming {
  if (/\/\.?$/.test(path) || name === 'Maildir') return 'asMaildir'
  return isFolderName(name) ? 'asFolder' : 'plainly'
}

function faultOf(path: string, home: string): string | null {
  if (path === '') return 'the mailbox has no name'

  if (/[\x00-\x1f\x7f]/.test(path)) return 'the name of the mailbox has control characters'
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return 'the name of the mailbox is too long'
  if (path.split(sep).some(name => Buffer.byteLength(name) > MAX_NAME_BYTES))
    return 'the name of the mailbox is too long'
  if (!isAbsolute(home)) return 'the home directory is no absolute path'
  return null
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf(sep) + 1)
}
