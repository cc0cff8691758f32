// Creates what a Maildir lacks: directories from the home down to it, cur/, new/, tmp/ and a folder's `maildirfolder`.
// Only what is named as a Maildir is created; for the rest the fault says what lies there instead. Other deliveries
// may create the same at the same time. tmp/ comes last, after new/ is safe on disk: who finds tmp/ finds all.
import fs from 'node:fs/promises'
import { constants } from 'node:fs'
import { dirname, relative, sep } from 'node:path'
import { syncOpenDirectory } from './directory-sync.js'
import { changeMode, changeOwner, closeFile, openDirectory, openFile, statusOf } from './disk.js'
import { codeOf, MailboxFault } from './mailbox-fault.js'
import { isFolderName, isInside, mailboxLabel } from './mailbox-path.js'
import { givesAway, isConfined, type MaildirTarget } from './maildir-target.js'
import { assertInside, DIRECTORY, REAL_DIRECTORY, throughFd } from './open-maildir.js'

/** Throws MailboxFault with the sentence for the peer, or the system's error. */
export async function createMaildir(target: MaildirTarget): Promise<void> {
  const { path } = target.mailbox
  // Above a mailbox outside the home nothing is created: the site names such places and makes them.
  const base = isInside(path, target.home) ? target.home : dirname(path)
  const names = relative(base, path).split(sep).filter(Boolean)
  let directory = await openBase(base, target)
  try {
    let isNew = false
    for (const [index, name] of names.entries()) {
      const child = await enter(directory, name, target)
      closeFile(directory)
      directory = child.fd
      isNew = child.isNew
      const isLast = index === names.length - 1
      if (child.isFolder && (isNew || isLast)) await makeFolderMark(directory, target)
      if (isNew && !isLast && (child.isFolder || name === 'Maildir')) await fill(directory, target)
    }
    if (!isNew) await assertMayFill(directory, target)
    await fill(directory, target)
  } finally {
    closeFile(directory)
  }
}

async function openBase(base: string, target: MaildirTarget): Promise<number> {
  try {
    return openDirectory(base, DIRECTORY)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    if (base === target.home && target.createHome) return makeHome(target)
    const what = base === target.home ? 'the home directory' : `the directory of ${target.mailbox.path}`
    throw new MailboxFault('tryLater', `${what} is missing`, error)
  }
}

/** The home and the missing directories above it. */
async function makeHome(target: MaildirTarget): Promise<number> {
  const missing = [target.home]
  for (let above = dirname(target.home); ; above = dirname(above)) {
    const found = await fs.stat(above).catch(() => null)
    if (found !== null || above === dirname(above)) break
    missing.unshift(above)
  }
  let directory = openDirectory(dirname(missing[0] ?? target.home), DIRECTORY)
  try {
    for (const path of missing) {
      const made = await makeDirectory(directory, path.slice(path.lastIndexOf(sep) + 1), target)
      closeFile(directory)
      directory = made
    }
    return directory
  } catch (error) {
    closeFile(directory)
    throw error
  }
}

type Entered = { readonly fd: number; readonly isNew: boolean; readonly isFolder: boolean }

async function enter(parent: number, name: string, target: MaildirTarget): Promise<Entered> {
  const isFolder = isFolderName(name) && (await isMaildir(parent))
  let fd: number
  try {
    fd = openDirectory(`${throughFd(parent)}/${name}`, DIRECTORY)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOTDIR') throw fileFault(target, error)
    if (code !== 'ENOENT') throw error
    if (!mayCreate(name, isFolder, target)) throw missingFault(target, error)
    return { fd: await makeDirectory(parent, name, target), isNew: true, isFolder }
  }
  try {
    if (isConfined(target)) await assertInside(fd, target.home)
    return { fd, isNew: false, isFolder }
  } catch (error) {
    closeFile(fd)
    throw error
  }
}

function mayCreate(name: string, isFolder: boolean, target: MaildirTarget): boolean {
  const { named } = target.mailbox
  return named === 'asMaildir' || (named === 'asFolder' && (name === 'Maildir' || isFolder))
}

function fileFault(target: MaildirTarget, cause: unknown): MailboxFault {
  const label = mailboxLabel(target.mailbox.path, target.home)
  return new MailboxFault(
    'misconfigured',
    `${label} is a file, and mbox files are not delivered to; name a Maildir`,
    cause,
  )
}

function missingFault(target: MaildirTarget, cause: unknown): MailboxFault {
  const label = mailboxLabel(target.mailbox.path, target.home)
  const advice = `mbox files are not delivered to; write "${label}/" to have a Maildir created`
  return new MailboxFault('misconfigured', `there is no mailbox ${label}, and ${advice}`, cause)
}

/** An existing directory becomes a Maildir when its name says so, when it already is half of one, or when it is empty. */
async function assertMayFill(directory: number, target: MaildirTarget): Promise<void> {
  if (target.mailbox.named !== 'plainly') return
  const names = await fs.readdir(throughFd(directory))
  if (names.length === 0 || names.includes('cur') || names.includes('new')) return
  const label = mailboxLabel(target.mailbox.path, target.home)
  throw new MailboxFault('misconfigured', `${label} is a directory, but no Maildir; write "${label}/" to make it one`)
}

async function fill(maildir: number, target: MaildirTarget): Promise<void> {
  for (const name of ['cur', 'new']) closeFile(await makeDirectory(maildir, name, target))
  await syncOpenDirectory(maildir)
  closeFile(await makeDirectory(maildir, 'tmp', target))
}

/** Makes sure of a directory and opens it; a link in its place is refused, as is anything else. */
async function makeDirectory(parent: number, name: string, target: MaildirTarget): Promise<number> {
  const path = `${throughFd(parent)}/${name}`
  const isNew = await fs.mkdir(path, 0o777 & ~target.umask).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === 'EEXIST') return false
      throw error
    },
  )
  const fd = openInPlace(path, name, isConfined(target) || isNew)
  try {
    // Above our umask the process has its own.
    if (isNew) await changeMode(fd, 0o777 & ~target.umask)
    await handOver(fd, target)
    if (isNew) await syncOpenDirectory(parent)
    return fd
  } catch (error) {
    closeFile(fd)
    throw error
  }
}

function openInPlace(path: string, name: string, noLink: boolean): number {
  try {
    return openDirectory(path, noLink ? REAL_DIRECTORY : DIRECTORY)
  } catch (error) {
    if (!['ENOTDIR', 'ELOOP', 'ENOENT'].includes(codeOf(error))) throw error
    throw new MailboxFault('misconfigured', `${name} in the path of the mailbox is no directory of its own`, error)
  }
}

/** Root's own only: a crash between mkdir and here leaves one that the user could not read. */
async function handOver(fd: number, target: MaildirTarget): Promise<void> {
  if (givesAway(target) && statusOf(fd).uid === 0n) await changeOwner(fd, target.uid, target.gid)
}

/** An empty file by which Maildir++ programs know a folder from a Maildir. */
async function makeFolderMark(folder: number, target: MaildirTarget): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW
  const fd = await openFile(`${throughFd(folder)}/maildirfolder`, flags, 0o666 & ~target.umask)
  try {
    await handOver(fd, target)
  } finally {
    closeFile(fd)
  }
}

async function isMaildir(directory: number): Promise<boolean> {
  const found = await fs.stat(`${throughFd(directory)}/new`).catch(() => null)
  return found?.isDirectory() ?? false
}
