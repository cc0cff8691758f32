// The system calls of the hot path. An fsync always runs on the thread pool. The short calls around it (create, write
// of a small message, rename) are made directly while one delivery is under way in this process, which saves five
// hand-overs to the pool; with several under way they go to the pool as well, because a create or a rename may wait
// for the journal that another delivery's fsync is writing, and the event loop must not wait with it.
import fs from 'node:fs'
import { promisify } from 'node:util'

/** What goes to disk in one direct write; above, the pool copies it. */
const MAX_DIRECT_BYTES = 64 * 1024

const pool = {
  open: promisify(fs.open),
  writev: (fd: number, buffers: readonly Buffer[]) =>
    new Promise<number>((resolve, reject) => {
      fs.writev(fd, buffers, (error, written) => (error ? reject(error) : resolve(written)))
    }),
  fsync: promisify(fs.fsync),
  close: promisify(fs.close),
  rename: promisify(fs.rename),
  fchown: promisify(fs.fchown),
  fchmod: promisify(fs.fchmod),
}

let underWay = 0

/** Counts a delivery as under way while it acts. */
export async function whileDelivering<T>(act: () => Promise<T>): Promise<T> {
  underWay += 1
  try {
    return await act()
  } finally {
    underWay -= 1
  }
}

export async function openFile(path: string, flags: number, mode?: number): Promise<number> {
  return underWay <= 1 ? fs.openSync(path, flags, mode) : pool.open(path, flags, mode)
}

/** Looking up a directory, asking what a descriptor is and where it lies wait for no journal: always direct. */
export function openDirectory(path: string, flags: number): number {
  return fs.openSync(path, flags | fs.constants.O_DIRECTORY)
}

export function statusOf(fd: number): fs.BigIntStats {
  return fs.fstatSync(fd, { bigint: true })
}

export function readLink(path: string): string {
  return fs.readlinkSync(path)
}

export async function renameFile(from: string, to: string): Promise<void> {
  if (underWay <= 1) fs.renameSync(from, to)
  else await pool.rename(from, to)
}

export async function changeOwner(fd: number, uid: number, gid: number): Promise<void> {
  if (underWay <= 1) fs.fchownSync(fd, uid, gid)
  else await pool.fchown(fd, uid, gid)
}

export async function changeMode(fd: number, mode: number): Promise<void> {
  if (underWay <= 1) fs.fchmodSync(fd, mode)
  else await pool.fchmod(fd, mode)
}

/** Never waits for the disk: what was to be safe has been synced before. */
export function closeFile(fd: number): void {
  fs.closeSync(fd)
}

export const syncFile: (fd: number) => Promise<void> = pool.fsync

/** Writes every byte; a write that stops short is continued, so that a full disk answers with its error. */
export async function writeAll(fd: number, buffers: readonly Buffer[]): Promise<void> {
  let left = buffers.filter(buffer => buffer.length > 0)
  let leftBytes = left.reduce((sum, buffer) => sum + buffer.length, 0)
  while (leftBytes > 0) {
    const direct = underWay <= 1 && leftBytes <= MAX_DIRECT_BYTES
    const written = direct ? fs.writevSync(fd, left) : await pool.writev(fd, left)
    if (written <= 0) throw new Error('the disk took no byte')
    leftBytes -= written
    left = after(left, written)
  }
}

function after(buffers: readonly Buffer[], written: number): Buffer[] {
  let skip = written
  const left: Buffer[] = []
  for (const buffer of buffers) {
    if (skip < buffer.length) left.push(skip > 0 ? buffer.subarray(skip) : buffer)
    skip = Math.max(0, skip - buffer.length)
  }
  return left
}
