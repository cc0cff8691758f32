// Appends to the logs in maildrop's form. Each text goes out in one write at the end of the file, so that the lines of
// processes that write at once do not mix. What cannot be written rejects: the caller answers "try later", as maildrop does.
import { constants } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import process from 'node:process'

export type LogOwner = {
  /** The file must belong to this user, and does when it is made here. */
  readonly ownerUid: number
  readonly ownerGid: number
}

/** Not through a link that somebody put there, and not waiting for the reader of a pipe. */
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK
const CREATED_MODE = 0o600

/** For a log that a filter names with `logfile`: opened, written and closed, so rotating it needs nothing. */
export async function appendToLog(path: string, text: string, owner: LogOwner | null = null): Promise<void> {
  if (path === '/dev/null') return
  const file = await openLog(path, owner)
  try {
    await writeWhole(file, path, text)
  } finally {
    await file.close()
  }
}

/** A log of the whole service, kept open. */
export type OpenLog = { append(text: string): Promise<void>; close(): Promise<void> }

/** How long a file that was renamed away may still be written to. */
const LOOK_AGAIN_MS = 1_000

/** Nothing is opened before the first text. When the file has been rotated away, a new one is begun within a second. */
export function keepLogOpen(path: string, owner: LogOwner | null = null): OpenLog {
  let opened: Promise<Opened> | null = null
  let lookAt = 0
  const current = (): Promise<Opened> => {
    const now = performance.now()
    if (opened !== null && now < lookAt) return opened
    lookAt = now + LOOK_AGAIN_MS
    const next = openedAnew(path, owner, opened)
    // A log that cannot be opened is tried again with the next text, not remembered as broken.
    next.catch(() => {
      if (opened === next) opened = null
    })
    opened = next
    return next
  }
  return {
    append: async text => {
      const { file } = await current()
      await writeWhole(file, path, text)
    },
    close: async () => {
      const last = opened
      opened = null
      if (last) await last.then(({ file }) => file.close()).catch(() => undefined)
    },
  }
}

type Opened = { readonly file: FileHandle; readonly inode: string }

/** The file as it was, or the one that has its name now. Closing waits for the writes that are under way. */
async function openedAnew(path: string, owner: LogOwner | null, before: Promise<Opened> | null): Promise<Opened> {
  const last = before ? await before.catch(() => null) : null
  if (last && (await inodeAt(path)) === last.inode) return last
  void last?.file.close().catch(() => undefined)
  const file = await openLog(path, owner)
  const { dev, ino } = await file.stat()
  return { file, inode: `${dev}:${ino}` }
}

async function inodeAt(path: string): Promise<string | null> {
  try {
    const { dev, ino } = await stat(path)
    return `${dev}:${ino}`
  } catch {
    return null
  }
}

async function openLog(path: string, owner: LogOwner | null): Promise<FileHandle> {
  const file = (await openExisting(path)) ?? (await create(path, owner)) ?? (await openExisting(path))
  if (!file) throw new Error(`the log ${path} comes and goes`)
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw new Error(`the log ${path} is not a regular file`)
    if (owner && stats.uid !== owner.ownerUid) throw new Error(`the log ${path} belongs to somebody else`)
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

async function openExisting(path: string): Promise<FileHandle | null> {
  return unless('ENOENT', open(path, APPEND))
}

/** Null when somebody else was faster. */
async function create(path: string, owner: LogOwner | null): Promise<FileHandle | null> {
  const file = await unless('EEXIST', open(path, APPEND | constants.O_CREAT | constants.O_EXCL, CREATED_MODE))
  if (file && owner && process.geteuid?.() === 0) await file.chown(owner.ownerUid, owner.ownerGid)
  return file
}

async function unless(code: string, opening: Promise<FileHandle>): Promise<FileHandle | null> {
  try {
    return await opening
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === code) return null
    throw error
  }
}

/** A second write would not be next to the first: a disk that takes only part of a record is full. */
async function writeWhole(file: FileHandle, path: string, text: string): Promise<void> {
  const bytes = Buffer.from(text)
  const { bytesWritten } = await file.write(bytes, 0, bytes.length)
  if (bytesWritten < bytes.length) throw new Error(`the log ${path} took only part of a record`)
}
