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

/** Removes delivered mail below a folder and lets the disk settle. */
export function emptyMaildirs(below: string): void {
  execFileSync('find', [
    below,
    '-type',
    'f',
    '(',
    '-path',
    '*/new/*',
    '-o',
    '-path',
    '*/cur/*',
    '-o',
    '-path',
    '*/tmp/*',
    ')',
    '-delete',
  ])
  execFileSync('sync', ['-f', below])
}
