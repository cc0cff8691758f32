// The client's side of LMTP (RFC 2033) as values: bytes of the service come in, replies and what they mean go out;
// message bytes come in, what DATA sends goes out. Whatever cannot be read exactly is a fault, never a success.
// native/maildrop.c reads and decides the same; one test suite runs both.

export type Reply = {
  readonly code: number
  /** Its lines, without the code. The status that RFC 2034 repeats on each line stands once, at the beginning. */
  readonly lines: readonly string[]
}

export type Extensions = { readonly eightBitMime: boolean; readonly smtpUtf8: boolean; readonly exitCodes: boolean }

/** How the command ends; `text` is printed and empty when the message was taken. */
export type Answer = { readonly kind: 'answered'; readonly exitCode: number; readonly text: string }

const MAX_REPLY_LINE_BYTES = 2000
const MAX_REPLY_LINES = 100
const MAX_REPLY_TEXT_BYTES = 4000

const [LINE_FEED, CARRIAGE_RETURN, DOT] = [0x0a, 0x0d, 0x2e]

const EXIT_TAKEN = 0
const EXIT_NO_SUCH_MAILBOX = 67
const EXIT_SYSTEM_FAULT = 71
const EXIT_LATER = 75
const EXIT_REFUSED = 77

export const UNREADABLE = 'the mail service gave an unreadable answer'

/** 4.3.0 is for what may pass by itself, 4.3.5 for what the administrator has to mend. */
export function tryLater(text: string, status: '4.3.0' | '4.3.5' = '4.3.0'): Answer {
  return { kind: 'answered', exitCode: EXIT_LATER, text: `${status} maildrop: ${text}\n` }
}

/** Takes one reply off the front (RFC 5321 4.2.1): the same code on each line, a hyphen after all but the last. */
export function takeReply(
  bytes: Buffer,
): { readonly reply: Reply; readonly rest: Buffer } | 'needsMore' | 'unreadable' {
  const lines: string[] = []
  let code = 0
  let textBytes = 0
  for (let start = 0; lines.length < MAX_REPLY_LINES;) {
    const end = bytes.indexOf(LINE_FEED, start)
    if (end < 0) return bytes.length - start > MAX_REPLY_LINE_BYTES + 1 ? 'unreadable' : 'needsMore'
    if (end - start > MAX_REPLY_LINE_BYTES + 1) return 'unreadable'
    const found = /^([2-5]\d\d)(?:([ -])([^\x00-\x08\x0a-\x1f\x7f]*))?\r$/.exec(bytes.toString('utf8', start, end))
    if (!found || (lines.length > 0 && Number(found[1]) !== code)) return 'unreadable'
    code = Number(found[1])
    lines.push(withoutRepeatedStatus(found[3] ?? '', lines[0]))
    textBytes += end - start
    if (textBytes > MAX_REPLY_TEXT_BYTES) return 'unreadable'
    start = end + 1
    if (found[2] !== '-') return { reply: { code, lines }, rest: bytes.subarray(start) }
  }
  return 'unreadable'
}

function statusOf(text: string): string | null {
  return /^[245]\.\d{1,3}\.\d{1,3}(?= |$)/.exec(text)?.[0] ?? null
}

function withoutRepeatedStatus(line: string, firstLine: string | undefined): string {
  const status = statusOf(line)
  return status !== null && firstLine !== undefined && firstLine.startsWith(status)
    ? line.slice(status.length + 1)
    : line
}

/** The keywords of a reply to LHLO; its first line is the greeting. */
export function extensionsIn(reply: Reply): Extensions {
  const keywords = new Set(reply.lines.slice(1).map(line => line.split(' ', 1)[0]!.toUpperCase()))
  return {
    eightBitMime: keywords.has('8BITMIME'),
    smtpUtf8: keywords.has('SMTPUTF8'),
    exitCodes: keywords.has('XEXITCODE'),
  }
}

/** MAIL, RCPT and DATA in one piece (RFC 2920); null when the service cannot take such addresses. */
export function envelopeCommands(sender: string | null, recipient: string, extensions: Extensions): string | null {
  const needsUtf8 = /[^\x20-\x7e]/.test(`${sender ?? ''}${recipient}`)
  if (needsUtf8 && !extensions.smtpUtf8) return null
  const parameters = [
    extensions.eightBitMime ? ' BODY=8BITMIME' : '',
    needsUtf8 ? ' SMTPUTF8' : '',
    extensions.exitCodes ? ' XEXITCODE' : '',
  ]
  return `MAIL FROM:<${sender ?? ''}>${parameters.join('')}\r\nRCPT TO:<${recipient}>\r\nDATA\r\n`
}

/** What a final reply means: ` (exit NN)`, which the service adds because MAIL asked for it, else the reply's class. */
export function answerOf(reply: Reply): Answer {
  const whole = reply.lines.join(' ').replaceAll('\t', ' ')
  const suffix = /^(.*?) *\(exit (\d{1,3})\)$/.exec(whole)
  const isExit = suffix !== null && Number(suffix[2]) <= 255
  const text = isExit ? suffix[1]! : whole
  const exitCode = isExit ? Number(suffix[2]) : exitOfClass(reply.code, text)
  if (!agrees(reply.code, exitCode)) return tryLater(`the mail service contradicted itself: ${text.slice(0, 400)}`)
  if (exitCode === EXIT_TAKEN) return { kind: 'answered', exitCode, text: '' }
  const replyClass = String(reply.code)[0]!
  const begins = statusOf(text)?.startsWith(replyClass) === true
  return { kind: 'answered', exitCode, text: begins ? `${text}\n` : `${replyClass}.3.0 ${text}\n` }
}

function exitOfClass(code: number, text: string): number {
  if (code < 300) return EXIT_TAKEN
  if (code < 500) return EXIT_LATER
  return statusOf(text) === '5.1.1' ? EXIT_NO_SUCH_MAILBOX : EXIT_REFUSED
}

// Postfix believes the text's status more than the exit code, so the two must say the same.
function agrees(code: number, exitCode: number): boolean {
  const isLater = exitCode === EXIT_LATER || exitCode === EXIT_SYSTEM_FAULT
  const replyClass = exitCode === EXIT_TAKEN ? 2 : isLater ? 4 : 5
  return Math.floor(code / 100) === replyClass
}

/**
 * A piece of the message as DATA sends it: every LF becomes CR LF, so that a CR before it stays a byte of the message,
 * and a dot that begins a line is doubled (RFC 5321 4.5.2). `atLineStart` is carried from piece to piece.
 */
export function encodePiece(
  piece: Buffer,
  atLineStart: boolean,
): { readonly bytes: Buffer; readonly atLineStart: boolean } {
  const bytes = Buffer.allocUnsafe(2 * piece.length)
  let length = 0
  let isStart = atLineStart
  for (const byte of piece) {
    if (byte === DOT && isStart) bytes[length++] = DOT
    if (byte === LINE_FEED) bytes[length++] = CARRIAGE_RETURN
    bytes[length++] = byte
    isStart = byte === LINE_FEED
  }
  return { bytes: bytes.subarray(0, length), atLineStart: isStart }
}

/**
 * The end of the message; a last line without its line end gets one. QUIT may go with it (RFC 2920 3.1): so the service
 * answers both at once, and does not write to somebody who has gone.
 */
export function messageEnd(atLineStart: boolean): string {
  return `${atLineStart ? '' : '\r\n'}.\r\nQUIT\r\n`
}
