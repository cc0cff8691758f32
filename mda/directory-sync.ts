// fsync of a directory, shared: deliveries into the same new/ that come while one sync runs wait together for the
// next, which starts after all of their renames. Nobody is answered by a sync that began before its rename.
import { constants } from 'node:fs'
import { closeFile, openDirectory, syncFile } from './disk.js'
import { codeOf } from './mailbox-fault.js'

type Syncs = { readonly running: Promise<void>; next: Promise<void> | null }

const syncsOf = new Map<string, Syncs>()

/**
 * Resolves when everything that was in the directory at the time of the call is safe. `key` names the directory;
 * `path` leads to it and must stay good until the promise settles.
 */
export function syncDirectory(key: string, path: string): Promise<void> {
  const syncs = syncsOf.get(key)
  if (!syncs) return start(key, path)
  syncs.next ??= syncs.running.then(
    () => start(key, path),
    () => start(key, path),
  )
  return syncs.next
}

function start(key: string, path: string): Promise<void> {
  const running = syncNow(path).finally(() => {
    if (syncs.next === null) syncsOf.delete(key)
  })
  const syncs: Syncs = { running, next: null }
  syncsOf.set(key, syncs)
  return running
}

async function syncNow(path: string): Promise<void> {
  const fd = openDirectory(path, constants.O_RDONLY)
  try {
    await syncOpenDirectory(fd)
  } finally {
    closeFile(fd)
  }
}

export async function syncOpenDirectory(fd: number): Promise<void> {
  try {
    await syncFile(fd)
  } catch (error) {
    // File systems that cannot sync a directory say so with EINVAL; there is nothing more to be had from them.
    if (codeOf(error) !== 'EINVAL') throw error
  }
}
