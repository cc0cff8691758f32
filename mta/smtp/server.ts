// The small SMTP front: takes mail for our own domains from anybody and hands it on as LMTP does; never relays, never
// logs anybody in. SMTP has one reply for all recipients of a message, and a reply that is wrong for one of them loses
// or doubles mail; without a queue the way out is one recipient a message: the second RCPT is told 452 4.5.3, and the
// sender then sends the message once more for the rest (RFC 5321 4.5.3.1.10).
import type { Socket } from 'node:net'
import { domainToASCII } from 'node:url'
import { SMTPServer } from 'smtp-server'
import type { SMTPServerAddress, SMTPServerOptions, SMTPServerSession } from 'smtp-server'
import { parseAddress } from '../../mail/address.js'
import type { Arrival } from '../../mail/arrival.js'
import type { Client } from '../../mail/envelope.js'
import { ownFault, replyFor } from '../../mail/outcome.js'
import { listenOn } from '../listen-address.js'
import type { ListenAddress } from '../listen-address.js'
import type { Log } from '../log.js'
import type { Spool } from '../spool.js'
import { guardLineEnds } from './line-ends.js'
import { ownRecipient } from './own-recipient.js'
import { receiveMessage } from './receive-message.js'
import type { SmtpSettings } from './settings.js'

export type SmtpFrontTerms = {
  readonly arrival: Arrival
  readonly spool: Spool
  readonly hostName: string
  readonly settings: SmtpSettings
  readonly log: Log
}

export type SmtpFront = {
  /** May be called for several addresses. Gives back the address with the port that the system chose. */
  listen(address: ListenAddress): Promise<ListenAddress>
  /** Messages under way are answered first; resolves at the latest after the grace. */
  close(options: { graceMs: number }): Promise<void>
}

const REFUSALS = {
  badSender: { code: 501, text: '5.1.7 not an address' },
  badSyntax: { code: 501, text: '5.1.3 not an address' },
  unknownParameter: { code: 555, text: '5.5.4 parameter not known' },
  needUtf8: { code: 553, text: '5.6.7 an address with non-ASCII characters needs SMTPUTF8' },
  notOurs: { code: 550, text: '5.7.1 no mail for that domain is taken here' },
  oneRecipient: { code: 452, text: '4.5.3 one recipient a message, send the rest in another one' },
} as const

const BARE_LINE_FEED = '521 5.5.2 bare <LF> received\r\n'
const SHUTTING_DOWN = '4.3.2 shutting down, come back soon'
/** So long a refused client may take to read the reply and close. */
const LINGER_MS = 3000
const NOT_OFFERED = ['AUTH', 'STARTTLS', 'XCLIENT', 'XFORWARD', 'WIZ', 'SHELL', 'KILL']
const MAIL_PARAMETERS = new Set(['SIZE', 'BODY', 'SMTPUTF8'])

export function createSmtpFront(terms: SmtpFrontTerms): SmtpFront {
  const fronts: StrictServer[] = []

  async function listen(address: ListenAddress): Promise<ListenAddress> {
    const front = new StrictServer(terms)
    await listenOn(front.server, address, 0o666)
    fronts.push(front)
    const bound = front.server.address()
    return address.kind === 'tcp' && bound !== null && typeof bound === 'object'
      ? { ...address, port: bound.port }
      : address
  }

  async function close(options: { graceMs: number }): Promise<void> {
    await Promise.all(fronts.map(front => front.stop(options.graceMs)))
  }

  return { listen, close }
}

type Answer = (fault?: Error | null) => void

class StrictServer extends SMTPServer {
  private readonly sockets = new Set<Socket>()
  /** Sessions with a message between DATA and its reply. */
  private readonly receiving = new Set<string>()
  private stopping = false

  constructor(private readonly terms: SmtpFrontTerms) {
    super(optionsFrom(terms))
    this.on('error', (fault: Error) => terms.log('info', 'an SMTP connection broke', { fault: fault.message }))
  }

  override connect(...[socket, options]: Parameters<SMTPServer['connect']>): void {
    this.sockets.add(socket)
    socket.once('close', () => this.sockets.delete(socket))
    guardLineEnds(socket, () => refuse(socket))
    super.connect(socket, options)
  }

  async stop(graceMs: number): Promise<void> {
    this.stopping = true
    const closed = new Promise<void>(resolve => this.server.once('close', () => resolve()))
    this.close()
    for (const connection of this.connections) {
      if (!this.receiving.has(connection.id)) connection.send(421, SHUTTING_DOWN)
    }
    const cutOff = setTimeout(() => {
      for (const socket of this.sockets) socket.destroy()
    }, graceMs)
    await closed
    clearTimeout(cutOff)
  }

  override onMailFrom(given: SMTPServerAddress, _session: SMTPServerSession, answer: Answer): void {
    answer(faultInSender(given))
  }

  override onRcptTo(given: SMTPServerAddress, session: SMTPServerSession, answer: Answer): void {
    void this.replyToRecipient(given, session).then(answer)
  }

  override onData(...[stream, session, answer]: Parameters<SMTPServer['onData']>): void {
    const { mailFrom, rcptTo } = session.envelope
    const sender = mailFrom ? parseAddress(withAsciiDomain(mailFrom)) : null
    const recipients = rcptTo.flatMap(({ address }) => {
      const own = ownRecipient(address, this.terms.settings.domains)
      return own.kind === 'ours' ? [{ address: own.address }] : []
    })
    this.receiving.add(session.id)
    void receiveMessage(stream, { sender, recipients, client: clientOf(session) }, this.terms).then(outcome => {
      this.receiving.delete(session.id)
      const { code, status, text } = replyFor(outcome)
      if (outcome.kind === 'delivered') answer(null, `${status} ${text}`)
      else answer(new SmtpFault(code, `${status} ${text}`))
      if (this.stopping) this.sayGoodbye(session.id)
    })
  }

  private sayGoodbye(id: string): void {
    for (const connection of this.connections) if (connection.id === id) connection.send(421, SHUTTING_DOWN)
  }

  private async replyToRecipient(given: SMTPServerAddress, session: SMTPServerSession): Promise<Error | null> {
    const { arrival, settings, log } = this.terms
    if (session.envelope.rcptTo.length > 0) return refusal('oneRecipient')
    if (given.args) return refusal('unknownParameter')
    const own = ownRecipient(given.address, settings.domains)
    if (own.kind !== 'ours') return refusal(own.kind)
    let outcome = ownFault()
    try {
      outcome = await arrival.checkRecipient(own.address, clientOf(session))
    } catch (fault) {
      log('error', 'a fault while checking a recipient', { peer: session.remoteAddress, fault })
    }
    const { code, status, text } = replyFor(outcome)
    return outcome.kind === 'delivered' ? null : new SmtpFault(code, `${status} ${text}`)
  }
}

/** How smtp-server wants to be told a reply. */
class SmtpFault extends Error {
  constructor(
    readonly responseCode: number,
    text: string,
  ) {
    super(text)
  }
}

function refusal(name: keyof typeof REFUSALS): SmtpFault {
  return new SmtpFault(REFUSALS[name].code, REFUSALS[name].text)
}

function optionsFrom({ hostName, settings, spool }: SmtpFrontTerms): SMTPServerOptions {
  return {
    name: hostName,
    banner: 'Mailweir',
    size: spool.maxMessageBytes,
    maxClients: settings.maxConnections,
    socketTimeout: settings.idleTimeoutMs,
    disabledCommands: NOT_OFFERED,
    hideSTARTTLS: true,
    authOptional: true,
    disableReverseLookup: true,
    logger: false,
  }
}

function faultInSender({ address, args }: SMTPServerAddress): Error | null {
  const given = args === false ? [] : Object.keys(args)
  if (given.some(name => !MAIL_PARAMETERS.has(name))) return refusal('unknownParameter')
  if (address === '') return null
  if (!parseAddress(address)) return refusal('badSender')
  const localPart = address.slice(0, address.lastIndexOf('@'))
  return /[^\x20-\x7e]/.test(localPart) && !given.includes('SMTPUTF8') ? refusal('needUtf8') : null
}

// smtp-server shows xn-- domains decoded; only a sender who speaks SMTPUTF8 may be handed on so.
function withAsciiDomain({ address, args }: SMTPServerAddress): string {
  const at = address.lastIndexOf('@')
  if (at < 0 || (args !== false && 'SMTPUTF8' in args) || /^[\x20-\x7e]*$/.test(address)) return address
  return address.slice(0, at + 1) + domainToASCII(address.slice(at + 1))
}

function clientOf(session: SMTPServerSession): Client {
  const peer = session.remoteAddress.replace(/^::ffff:(?=\d+\.)/, '')
  return { arrival: 'smtp', peer, heloName: session.hostNameAppearsAs || null }
}

function refuse(socket: Socket): void {
  socket.end(BARE_LINE_FEED)
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}
