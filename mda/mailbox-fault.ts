// Why a mailbox did not take a message, and the outcome that makes of it. Rooms below maildir.ts throw; maildir.ts
// catches and answers. A full disk is `mailboxFull`; what the system refuses otherwise is "try later".
import type { Outcome, OutcomeKind } from '../mail/outcome.js'

/** A fault that we found ourselves, with its sentence for the peer. */
export class MailboxFault extends Error {
  override readonly name = 'MailboxFault'
  readonly kind: OutcomeKind

  constructor(kind: OutcomeKind, text: string, cause?: unknown) {
    super(text, { cause })
    this.kind = kind
  }
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** `mailbox` is how the mailbox is called towards the peer: relative to the home where it lies there. */
export function outcomeOfFault(error: unknown, mailbox: string): Outcome {
  if (error instanceof MailboxFault) return { kind: error.kind, text: error.message, cause: error.cause ?? error }
  const code = codeOf(error)
  const syscall = error instanceof Error && 'syscall' in error ? String(error.syscall) : 'delivery'
  const because = `${mailbox}: ${MEANINGS[code] ?? 'the message could not be written'} (${syscall} ${code || 'fault'})`
  if (code === 'ENOSPC' || code === 'EDQUOT') return { kind: 'mailboxFull', text: because, cause: error }
  return { kind: 'tryLater', text: because, cause: error }
}

const MEANINGS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the disk',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'the file system is read-only',
  EIO: 'the disk reports an error',
  ENOENT: 'a directory is missing',
  ENOTDIR: 'a directory is missing',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files',
  ESTALE: 'the file server lost the directory',
}
