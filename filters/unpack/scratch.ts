// Private files for content too large for memory: 0600, a random name that is gone as soon as the file is open.
import { randomBytes } from 'node:crypto'
import { constants, mkdirSync, openSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'

/** An open descriptor on a file without a name. Two system calls; the directory is made when it is missing. */
export function openScratch(directory: string): number {
  const path = join(directory, `${randomBytes(16).toString('hex')}.scratch`)
  const fd = create(path, directory)
  unlinkSync(path)
  return fd
}

function create(path: string, directory: string): number {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  try {
    return openSync(path, flags, 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    return openSync(path, flags, 0o600)
  }
}
