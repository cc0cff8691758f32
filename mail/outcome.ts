// What became of a message for one recipient, and the one table that gives an outcome its SMTP or LMTP reply,
// its enhanced status (RFC 3463) and the exit code of the pipe. Nothing else in Mailweir chooses such a code.
// Our own faults are always "try later": towards Postfix's pipe an unknown exit code would bounce the mail.

export const OUTCOMES = {
  delivered: { reply: 250, status: '2.0.0', exit: 0 },
  refused: { reply: 554, status: '5.7.1', exit: 77 },
  noSuchMailbox: { reply: 550, status: '5.1.1', exit: 67 },
  tooLarge: { reply: 552, status: '5.3.4', exit: 69 },
  looping: { reply: 554, status: '5.4.6', exit: 77 },
  mailboxFull: { reply: 452, status: '4.2.2', exit: 75 },
  tryLater: { reply: 451, status: '4.3.0', exit: 75 },
  misconfigured: { reply: 451, status: '4.3.5', exit: 75 },
} as const

export type OutcomeKind = keyof typeof OUTCOMES

export type Outcome = {
  readonly kind: OutcomeKind
  /** One sentence for the peer; may begin with an enhanced status of its own, which then replaces the table's. */
  readonly text: string
  /** Only a filter's own EXITCODE: leaves the pipe as it is. */
  readonly exitCode?: number
  /** For our log, never for the peer. */
  readonly cause?: unknown
}

/** A bug of ours, or something of ours that failed: the sender still has the message and tries again. */
export function ownFault(cause?: unknown): Outcome {
  return { kind: 'tryLater', text: 'a fault on our side, try again later', ...(cause === undefined ? {} : { cause }) }
}

/** What the peer is told. `text` is one line of printable characters, cut to what fits one reply line. */
export type Reply = { readonly code: number; readonly status: string; readonly text: string; readonly exitCode: number }

/** A reply line has 512 bytes with its line end (RFC 5321 4.5.3.1.5); code, status and blanks take their share. */
export const MAX_REPLY_TEXT_BYTES = 480

/** The one place where an outcome gets its codes. */
export function replyFor(outcome: Outcome): Reply {
  const meaning = OUTCOMES[outcome.kind]
  const own = /^([245]\.\d{1,3}\.\d{1,3})(?: +|$)/.exec(outcome.text)
  const ownStatus = own?.[1]
  const agrees = ownStatus?.[0] === String(meaning.reply)[0]
  const text = own ? outcome.text.slice(own[0].length) : outcome.text
  return {
    code: meaning.reply,
    status: agrees && ownStatus ? ownStatus : meaning.status,
    text: replyText(text),
    exitCode: outcome.exitCode ?? meaning.exit,
  }
}

function replyText(text: string): string {
  const line = text.replace(/[^\x20-\x7e]+/g, ' ').trim()
  return line === '' ? 'no reason given' : line.slice(0, MAX_REPLY_TEXT_BYTES)
}

/**
 * The outcome of a filter that ended with `EXITCODE` set, as Postfix's pipe(8) reads such codes (sys_exits.c):
 * 0 is success, 71 and 75 are "later", every other code is final.
 */
export function outcomeOfExitCode(exitCode: number, text: string): Outcome {
  if (exitCode === 0) return { kind: 'delivered', text: text || 'accepted by the filter', exitCode }
  const because = text || `the filter ended with exit code ${exitCode}`
  if (exitCode === 75 || exitCode === 71) return { kind: 'tryLater', text: because, exitCode }
  const status = EXIT_CODE_STATUS[exitCode] ?? '5.3.0'
  return { kind: 'refused', text: /^[45]\.\d+\.\d+/.test(because) ? because : `${status} ${because}`, exitCode }
}

/** sys_exits.c of Postfix, where it differs from 5.3.0. */
const EXIT_CODE_STATUS: Readonly<Record<number, string>> = {
  65: '5.6.0',
  67: '5.1.1',
  68: '5.1.2',
  73: '5.2.0',
  76: '5.5.0',
  77: '5.7.0',
  78: '5.3.5',
}
