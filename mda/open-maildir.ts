// The way into a Maildir's tmp/ and new/. Where links must not lead out of the home, the Maildir is opened, asked
// where it really lies, and then used through its descriptor (/proc/self/fd/N/…): what is swapped afterwards no
// longer matters. tmp/ and new/ themselves are never links there. Costs three opens; no path is remembered.
import { constants } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { closeFile, openDirectory, readLink, statusOf } from './disk.js'
import { isInside } from './mailbox-path.js'
import { codeOf, MailboxFault } from './mailbox-fault.js'
import { isConfined, type MaildirTarget } from './maildir-target.js'

export type OpenMaildir = {
  /** Paths that lead there until close(). */
  readonly tmp: string
  readonly new: string
  /** The same for every way into the same new/. */
  readonly syncKey: string
  close(): void
}

export const DIRECTORY = constants.O_RDONLY
/** Not through a link in the last place. */
export const REAL_DIRECTORY = constants.O_RDONLY | constants.O_NOFOLLOW

export async function openMaildir(target: MaildirTarget): Promise<OpenMaildir> {
  const { path } = target.mailbox
  if (!isConfined(target))
    return { tmp: `${path}/tmp`, new: `${path}/new`, syncKey: `${path}/new`, close: () => undefined }
  const opened: number[] = []
  const close = () => {
    for (const fd of opened.splice(0)) closeFile(fd)
  }
  try {
    const maildir = openInto(opened, path, DIRECTORY)
    await assertInside(maildir, target.home)
    const tmp = openInto(opened, `${throughFd(maildir)}/tmp`, REAL_DIRECTORY)
    const into = openInto(opened, `${throughFd(maildir)}/new`, REAL_DIRECTORY)
    const { dev, ino } = statusOf(into)
    return { tmp: throughFd(tmp), new: throughFd(into), syncKey: `${dev}:${ino}`, close }
  } catch (error) {
    close()
    throw error
  }
}

function openInto(opened: number[], path: string, flags: number): number {
  const fd = openDirectory(path, flags)
  opened.push(fd)
  return fd
}

export function throughFd(fd: number): string {
  return `/proc/self/fd/${fd}`
}

/** Throws when an open directory does not really lie in the home. */
export async function assertInside(fd: number, home: string): Promise<void> {
  const real = realPathOf(fd)
  // The home may be reached through a link that the site made; only then is its real path asked for.
  if (isInside(real, home) || isInside(real, await realpath(home))) return
  throw new MailboxFault('misconfigured', 'the mailbox leads out of the home directory through a symbolic link')
}

function realPathOf(fd: number): string {
  try {
    return readLink(throughFd(fd))
  } catch (error) {
    throw codeOf(error) === 'ENOENT'
      ? new MailboxFault('tryLater', 'no /proc here to look into directories', error)
      : error
  }
}
