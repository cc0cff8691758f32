// What every measurement works with, and the mailboxes it fills and empties.
import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What every measurement needs. */
export type Bench = {
  readonly scratch: string
  readonly corpus: string
  readonly user: { name: string; uid: number; gid: number; home: string }
  /** The compiled bench/spawn.c. */
  readonly spawn: string
  /** The compiled bench/load.ts. */
  readonly load: string
}

/** Makes a Maildir with the folders that the rules name, owned by the bench's user. */
export function makeMaildir(path: string, user: Bench['user']): void {
  for (const folder of ['', '.Rules', '.Lists']) {
    for (const name of ['', 'cur', 'new', 'tmp']) {
      const directory = join(path, folder, name)
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      chownSync(directory, user.uid, user.gid)
    }
    if (folder !== '') writeFileSync(join(path, folder, 'maildirfolder'), '')
  }
}

/**
 * Lets the disk settle before a run. Mail of earlier runs stays where it is: ext4 looks past the inodes of files deleted
 * a moment ago one by one, and the next run, whosever it is, would be measured slower for it.
 */
export function settle(below: string): void {
  execFileSync('sync', ['-f', below])
}

/** How many messages lie in the new/ folders below. */
export function messagesBelow(folder: string): number {
  const found = execFileSync('find', [folder, '-type', 'f', '-path', '*/new/*'], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  })
  return found.split('\n').length - 1
}
