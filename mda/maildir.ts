// Delivery into a Maildir: a message comes in, a file in new/ goes out, and the outcome is an answer, never a throw.
// Written in tmp/, synced, renamed into new/, new/ synced: only then "delivered". A crash at any moment leaves at most
// a file in tmp/; new/ never holds a part of a message. What fails leaves nothing behind and says why.
import { constants } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { buffersOf, chunksOf, type Content } from '../mail/content.js'
import type { Outcome } from '../mail/outcome.js'
import { syncDirectory } from './directory-sync.js'
import {
  changeMode,
  changeOwner,
  closeFile,
  openFile,
  renameFile,
  statusOf,
  syncFile,
  whileDelivering,
  writeAll,
} from './disk.js'
import { codeOf, outcomeOfFault } from './mailbox-fault.js'
import { mailboxLabel } from './mailbox-path.js'
import { createMaildir } from './maildir-folders.js'
import { nameInNew, nameInTmp, nextName, type MessageName } from './maildir-name.js'
import { DEFAULT_UMASK, givesAway, type MaildirTarget } from './maildir-target.js'
import { openMaildir, type OpenMaildir } from './open-maildir.js'
import { cleanTmp, isCleaningDue } from './tmp-cleaning.js'

export type Delivery = {
  readonly outcome: Outcome
  /** The delivered file, for our log and for later steps; null when there is none. */
  readonly file: string | null
  /** Something that went wrong beside the delivery, for our log. */
  readonly remark: string | null
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
const MAX_NAME_ATTEMPTS = 3

export async function deliverToMaildir(content: Content, target: MaildirTarget): Promise<Delivery> {
  try {
    return await whileDelivering(() => deliverCreating(content, target))
  } catch (error) {
    const outcome = outcomeOfFault(error, mailboxLabel(target.mailbox.path, target.home))
    return { outcome, file: null, remark: null }
  }
}

/** The Maildir is taken to be there; one that is missing, or vanishes meanwhile, is created once. */
async function deliverCreating(content: Content, target: MaildirTarget): Promise<Delivery> {
  try {
    return await deliverOnce(content, target)
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error))) throw error
  }
  await createMaildir(target)
  return deliverOnce(content, target)
}

async function deliverOnce(content: Content, target: MaildirTarget): Promise<Delivery> {
  const maildir = await openMaildir(target)
  try {
    const written = await writeInTmp(content, target, maildir)
    const fileName = nameInNew(written.name, written, content.sizeBytes)
    await renameFile(written.path, `${maildir.new}/${fileName}`).catch(async (error: unknown) => {
      await removeQuietly(written.path)
      throw error
    })
    const cleaning = remarkOfCleaning(maildir.tmp, target.mailbox.path)
    await syncDirectory(maildir.syncKey, maildir.new).catch(async (error: unknown) => {
      // Not safe, so not answered for; without this each attempt would leave one more copy.
      await removeQuietly(`${maildir.new}/${fileName}`)
      await cleaning
      throw error
    })
    const label = mailboxLabel(target.mailbox.path, target.home)
    const outcome: Outcome = { kind: 'delivered', text: `delivered to ${label}` }
    return { outcome, file: `${target.mailbox.path}/new/${fileName}`, remark: await cleaning }
  } finally {
    maildir.close()
  }
}

type WrittenFile = { readonly path: string; readonly name: MessageName; readonly dev: bigint; readonly ino: bigint }

/** The whole message in tmp/, synced; or no file and an error. */
async function writeInTmp(content: Content, target: MaildirTarget, maildir: OpenMaildir): Promise<WrittenFile> {
  const { fd, path, name } = await createInTmp(maildir.tmp, target.umask)
  let isOpen = true
  try {
    if (givesAway(target)) await changeOwner(fd, target.uid, target.gid)
    if (target.umask !== DEFAULT_UMASK) await changeMode(fd, 0o666 & ~target.umask)
    const { dev, ino } = statusOf(fd)
    await writeContent(fd, content)
    await syncFile(fd)
    isOpen = false
    closeFile(fd)
    return { path, name, dev, ino }
  } catch (error) {
    if (isOpen) closeFile(fd)
    await removeQuietly(path)
    throw error
  }
}

async function createInTmp(tmp: string, umask: number): Promise<{ fd: number; path: string; name: MessageName }> {
  for (let attempt = 1; ; attempt++) {
    const name = nextName()
    const path = `${tmp}/${nameInTmp(name)}`
    try {
      return { fd: await openFile(path, NEW_FILE, 0o666 & ~umask), path, name }
    } catch (error) {
      // Only a process with our number on a host with our name, sharing the disk, can have taken the name.
      if (codeOf(error) !== 'EEXIST' || attempt === MAX_NAME_ATTEMPTS) throw error
    }
  }
}

async function writeContent(fd: number, content: Content): Promise<void> {
  const buffers = buffersOf(content)
  let writtenBytes = 0
  if (buffers) {
    await writeAll(fd, buffers)
    for (const buffer of buffers) writtenBytes += buffer.length
  } else {
    for await (const chunk of chunksOf(content)) {
      await writeAll(fd, [chunk])
      writtenBytes += chunk.length
    }
  }
  if (writtenBytes !== content.sizeBytes) throw new Error(`${writtenBytes} bytes written of ${content.sizeBytes}`)
}

/** What can't be removed from tmp/ is found by the cleaning later; the fault that led here is the one to tell. */
async function removeQuietly(path: string): Promise<void> {
  await unlink(path).catch(() => undefined)
}

async function remarkOfCleaning(tmp: string, maildir: string): Promise<string | null> {
  if (!isCleaningDue(maildir, Date.now())) return null
  try {
    const removed = await cleanTmp(tmp, Date.now())
    return removed > 0 ? `${removed} stale files removed from tmp` : null
  } catch (error) {
    return `tmp could not be cleaned: ${codeOf(error) || String(error)}`
  }
}
