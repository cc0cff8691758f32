// What the Maildir tests share: a home on disk, targets in it, and a look at what lies there afterwards.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contentOf, type Content } from '../../mail/content.js'
import type { MessageBytes } from '../../mail/spooled.js'
import { maildirTarget, type MaildirTarget } from '../../mda/maildir-target.js'
import { resolveMailbox } from '../../mda/mailbox-path.js'

export const isRoot = process.geteuid?.() === 0
export const ourUid = process.geteuid?.() ?? 0
export const ourGid = process.getegid?.() ?? 0

/** A directory with two homes, joe's and eve's; `remove` takes it away. */
export function makeHomes(): { root: string; joe: string; eve: string; remove: () => void } {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'maildir-')))
  const [joe, eve] = [join(root, 'joe'), join(root, 'eve')]
  for (const home of [joe, eve]) mkdirSync(home, { mode: 0o700 })
  return { root, joe, eve, remove: () => rmSync(root, { recursive: true, force: true }) }
}

export function targetIn(home: string, mailbox: string, over: Partial<MaildirTarget> = {}): MaildirTarget {
  const trust = over.trust ?? 'site'
  const resolved = resolveMailbox(mailbox, home, trust)
  assert.ok(resolved.kind === 'maildir', mailbox)
  const user = { name: 'joe', home, uid: ourUid, gid: ourGid, maildir: 'Maildir', quota: null }
  return { ...maildirTarget(user, resolved, { trust }), ...over }
}

export function mailOf(text: string): Content {
  return contentOf([Buffer.from(text)])
}

export function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : []
}

/** A message that lies in a file, or breaks while it is read. */
export function streamed(sizeBytes: number, chunks: () => AsyncIterable<Buffer>): Content {
  const bytes: MessageBytes = {
    sizeBytes,
    inMemory: null,
    read: () => Promise.reject(new Error('read in pieces only')),
    stream: chunks,
  }
  return contentOf([{ bytes, startByte: 0, endByte: sizeBytes }])
}
