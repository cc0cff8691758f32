// The protocol of one LMTP session (RFC 2033) as values: a command line or a result comes in, the reply and what
// has to be done next go out. Knows no socket and no clock. The replies that are not an Outcome stand in one table.
import { isUtf8 } from 'node:buffer'
import type { Address } from '../../mail/address.js'
import type { Client, Recipient } from '../../mail/envelope.js'
import { OUTCOMES, replyFor } from '../../mail/outcome.js'
import type { Outcome, OutcomeKind } from '../../mail/outcome.js'
import { parsePath, parseMailParameters } from './command-line.js'

export const REPLIES = {
  bye: '221 2.0.0 bye',
  ok: '250 2.0.0 ok',
  senderOk: '250 2.1.0 sender ok',
  recipientOk: '250 2.1.5 recipient ok',
  cannotVerify: '252 2.0.0 cannot say, send it and see',
  help: '214 2.0.0 RFC 2033',
  sendMessage: '354 end the message with <CR><LF>.<CR><LF>',
  shuttingDown: '421 4.3.2 shutting down, come back soon',
  tooManyConnections: '421 4.3.2 too many connections, come back later',
  ownFault: '421 4.3.0 a fault of ours, come back later',
  timedOut: '421 4.4.2 timed out waiting for you',
  tooManyFaults: '421 4.7.0 too many errors',
  tooManyRecipients: '452 4.5.3 too many recipients, send the rest in another message',
  lineTooLong: '500 5.5.2 line too long',
  badCharacters: '500 5.5.2 control character or broken UTF-8 in the command',
  unknownCommand: '500 5.5.1 command not known',
  useLhlo: '500 5.5.1 this is LMTP, say LHLO',
  badSyntax: '501 5.5.4 syntax error',
  badSender: '501 5.1.7 not an address',
  badRecipient: '501 5.1.3 not an address',
  badParameter: '501 5.5.4 bad value of a parameter',
  needLhlo: '503 5.5.1 say LHLO first',
  needMail: '503 5.5.1 say MAIL first',
  nestedMail: '503 5.5.1 a message is under way already',
  noRecipients: '503 5.5.1 no valid recipients',
  bareLineFeed: '521 5.5.2 bare <LF> received',
  notMail: '521 5.5.1 this is LMTP, not what you speak',
  tooLarge: '552 5.3.4 message too large',
  needUtf8: '553 5.6.7 an address with non-ASCII characters needs SMTPUTF8',
  unknownParameter: '555 5.5.4 parameter not known',
} as const

export type ReplyName = keyof typeof REPLIES

/** What the connection does next; `text` is ready to be written. */
export type Step =
  | { readonly kind: 'reply'; readonly text: string }
  | { readonly kind: 'checkRecipient'; readonly recipient: Address }
  | { readonly kind: 'receive'; readonly text: string }
  | { readonly kind: 'hangUp'; readonly text: string }

export type SessionTerms = {
  readonly hostName: string
  readonly maxRecipients: number
  readonly maxMessageBytes: number
  /** On our own sockets: MAIL may carry XEXITCODE, and the replies then end with the pipe's exit code. */
  readonly offersExitCodes: boolean
  readonly peer: string
}

type Transaction = {
  readonly sender: Address | null
  readonly recipients: Recipient[]
  readonly utf8: boolean
  readonly wantsExitCodes: boolean
}

/** Faults in one session before it is ended; a message taken sets the count back. */
const MAX_FAULTS = 20

/** Who speaks so wants something else: a browser led to our port, or BDAT, whose data would be read as commands. */
const NOT_MAIL = new Set(['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'CONNECT', 'BDAT'])

/** The reply as it goes over the wire. */
export function lineOf(name: ReplyName): string {
  return `${REPLIES[name]}\r\n`
}

export class LmtpSession {
  private heloName: string | null = null
  private transaction: Transaction | null = null
  private faults = 0

  constructor(private readonly terms: SessionTerms) {}

  greeting(): string {
    return `220 ${this.terms.hostName} LMTP Mailweir\r\n`
  }

  /** The message under way, as it stands; its recipients are those that were accepted. */
  envelope(): { sender: Address | null; recipients: readonly Recipient[]; client: Client } {
    const transaction = this.transaction
    if (!transaction) throw new Error('no message is under way')
    const arrival = transaction.wantsExitCodes ? 'pipe' : 'lmtp'
    const client: Client = { arrival, peer: this.terms.peer, heloName: this.heloName }
    return { sender: transaction.sender, recipients: transaction.recipients, client }
  }

  /** Takes one command, without its line end. */
  command(line: Buffer): Step {
    const text = commandText(line)
    if (text === null) return this.fault('badCharacters')
    const space = text.indexOf(' ')
    const verb = (space < 0 ? text : text.slice(0, space)).toUpperCase()
    const rest = space < 0 ? '' : text.slice(space + 1).trim()
    switch (verb) {
      case 'MAIL':
        return this.mail(rest)
      case 'RCPT':
        return this.rcpt(rest)
      case 'DATA':
        return this.data(rest)
      case 'LHLO':
        return this.lhlo(rest)
      case 'RSET':
        this.transaction = null
        return reply('ok')
      case 'NOOP':
        return reply('ok')
      case 'QUIT':
        return { kind: 'hangUp', text: lineOf('bye') }
      case 'VRFY':
        return rest === '' ? this.fault('badSyntax') : reply('cannotVerify')
      case 'HELP':
        return reply('help')
      case 'HELO':
      case 'EHLO':
        return this.fault('useLhlo')
      default:
        return NOT_MAIL.has(verb) ? { kind: 'hangUp', text: lineOf('notMail') } : this.fault('unknownCommand')
    }
  }

  /** A command longer than the connection keeps. */
  commandTooLong(): Step {
    return this.fault('lineTooLong')
  }

  /** The answer to a `checkRecipient` step. */
  recipientChecked(address: Address, outcome: Outcome): string {
    if (!this.transaction) throw new Error('a recipient without a message')
    if (outcome.kind !== 'delivered') return this.outcomeLine(outcome)
    this.transaction.recipients.push({ address })
    return lineOf('recipientOk')
  }

  /** After the last byte: one reply for each accepted recipient, in order (RFC 2033 4.2). Ends the transaction. */
  messageDone(outcomes: readonly Outcome[]): string {
    let lines = ''
    for (const outcome of outcomes) lines += this.outcomeLine(outcome)
    this.transaction = null
    this.faults = 0
    return lines
  }

  private lhlo(name: string): Step {
    if (!/^[^\s]{1,255}$/.test(name)) return this.fault('badSyntax')
    this.heloName = name
    this.transaction = null
    const extensions = [
      'PIPELINING',
      `SIZE ${this.terms.maxMessageBytes}`,
      '8BITMIME',
      'SMTPUTF8',
      'ENHANCEDSTATUSCODES',
    ]
    if (this.terms.offersExitCodes) extensions.push('XEXITCODE')
    const last = extensions.pop()!
    const lines = [this.terms.hostName, ...extensions].map(line => `250-${line}\r\n`)
    return { kind: 'reply', text: `${lines.join('')}250 ${last}\r\n` }
  }

  private mail(rest: string): Step {
    if (this.heloName === null) return this.fault('needLhlo')
    if (this.transaction) return this.fault('nestedMail')
    const path = parsePath('FROM', rest)
    if (!path) return this.fault('badSyntax')
    const parameters = parseMailParameters(path.parameters, this.terms.offersExitCodes)
    if (parameters.kind === 'wrong') return this.fault(parameters.reply)
    const { wantsExitCodes, utf8 } = parameters
    if (path.address === null && !path.isEmpty) return this.fault('badSender', exitFor('refused', wantsExitCodes))
    if (path.isUtf8 && !utf8) return this.fault('needUtf8', exitFor('refused', wantsExitCodes))
    if (parameters.sizeBytes > this.terms.maxMessageBytes) return reply('tooLarge', exitFor('tooLarge', wantsExitCodes))
    this.transaction = { sender: path.address, recipients: [], utf8, wantsExitCodes }
    return reply('senderOk')
  }

  private rcpt(rest: string): Step {
    const transaction = this.transaction
    if (!transaction) return this.fault(this.heloName === null ? 'needLhlo' : 'needMail')
    const { wantsExitCodes } = transaction
    const path = parsePath('TO', rest)
    if (!path) return this.fault('badSyntax', exitFor('noSuchMailbox', wantsExitCodes))
    if (path.address === null) return this.fault('badRecipient', exitFor('noSuchMailbox', wantsExitCodes))
    if (path.parameters !== '') return this.fault('unknownParameter', exitFor('refused', wantsExitCodes))
    if (path.isUtf8 && !transaction.utf8) return this.fault('needUtf8', exitFor('noSuchMailbox', wantsExitCodes))
    if (transaction.recipients.length >= this.terms.maxRecipients) {
      return reply('tooManyRecipients', exitFor('tryLater', wantsExitCodes))
    }
    return { kind: 'checkRecipient', recipient: path.address }
  }

  private data(rest: string): Step {
    if (rest !== '') return this.fault('badSyntax')
    if (!this.transaction) return this.fault(this.heloName === null ? 'needLhlo' : 'needMail')
    if (this.transaction.recipients.length === 0) return this.fault('noRecipients')
    return { kind: 'receive', text: lineOf('sendMessage') }
  }

  private outcomeLine(outcome: Outcome): string {
    const { code, status, text, exitCode } = replyFor(outcome)
    const exit = this.transaction?.wantsExitCodes ? ` (exit ${exitCode})` : ''
    return `${code} ${status} ${text}${exit}\r\n`
  }

  private fault(name: ReplyName, suffix = ''): Step {
    this.faults++
    if (this.faults > MAX_FAULTS) return { kind: 'hangUp', text: lineOf('tooManyFaults') }
    return reply(name, suffix)
  }
}

function reply(name: ReplyName, suffix = ''): Step {
  return { kind: 'reply', text: `${REPLIES[name]}${suffix}\r\n` }
}

function exitFor(kind: OutcomeKind, wantsExitCodes: boolean): string {
  return wantsExitCodes ? ` (exit ${OUTCOMES[kind].exit})` : ''
}

// Nearly every command is ASCII: one pass finds that out, and UTF-8 is only read where there is some.
function commandText(line: Buffer): string | null {
  const ascii = line.toString('latin1')
  if (/^[\x20-\x7e]*$/.test(ascii)) return ascii
  if (!isUtf8(line)) return null
  const text = line.toString('utf8')
  return /[\x00-\x1f\x7f-\x9f]/.test(text) ? null : text
}
