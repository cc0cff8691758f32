// One LMTP client's socket: bytes in, commands and message data to the session and the spool, replies out, those of
// one turn in one write. Nothing piles up: while a file write or an answer is under way the socket is not read, and
// while the client does not read its replies its commands are not. Whatever throws becomes "try later".
import type { Socket } from 'node:net'
import type { Address } from '../../mail/address.js'
import type { Arrival } from '../../mail/arrival.js'
import type { Envelope } from '../../mail/envelope.js'
import { ownFault } from '../../mail/outcome.js'
import type { Outcome } from '../../mail/outcome.js'
import type { Spooled } from '../../mail/spooled.js'
import type { Log } from '../log.js'
import { nextMessageId } from '../message-id.js'
import type { Spool, SpoolWriter } from '../spool.js'
import { DataReader } from './data-reader.js'
import { lineOf, LmtpSession } from './session.js'
import type { Step } from './session.js'
import type { LmtpSettings } from './settings.js'

const LF = 0x0a
const CR = 0x0d
/** With its line end: Postfix’s line_length_limit; RFC 5321 4.5.3.1.4 asks for 512 and a little for each extension. */
const MAX_COMMAND_BYTES = 2048
/** Replies beyond this are written before the next command is looked at. */
const MAX_WAITING_REPLY_BYTES = 16 * 1024
/** So long a client may take to read our last reply and close; what it sends meanwhile is thrown away. */
const LINGER_MS = 3000

const NOTHING = Buffer.alloc(0)

export type ConnectionTerms = {
  readonly arrival: Arrival
  readonly spool: Spool
  readonly hostName: string
  readonly settings: LmtpSettings
  readonly log: Log
  readonly isUnix: boolean
}

/** A message on its way in. */
type Incoming = { readonly reader: DataReader; readonly writer: SpoolWriter; isTooLarge: boolean }

/** `idle`: nothing can be done before the client sends more. */
type Progress = Promise<void> | 'idle' | undefined

export class LmtpConnection {
  private readonly session: LmtpSession
  private readonly peer: string
  private state: 'open' | 'hangingUp' | 'closed' = 'open'
  private input: Buffer = NOTHING
  private position = 0
  private output = ''
  private incoming: Incoming | null = null
  /** Input is being worked on, or an answer is awaited. */
  private working = false
  private skippingLine = false
  private stopping = false
  private peerHasEnded = false
  private awaitsDrain = false
  private timer: NodeJS.Timeout
  private timerMs: number

  constructor(
    private readonly socket: Socket,
    private readonly terms: ConnectionTerms,
  ) {
    const { hostName, settings, spool, isUnix, log } = terms
    this.peer = isUnix ? 'unix' : (socket.remoteAddress ?? 'unknown').replace(/^::ffff:(?=\d+\.)/, '')
    this.session = new LmtpSession({
      hostName,
      maxRecipients: settings.maxRecipients,
      maxMessageBytes: spool.maxMessageBytes,
      offersExitCodes: isUnix,
      peer: this.peer,
    })
    this.timerMs = settings.commandTimeoutMs
    this.timer = setTimeout(() => this.timedOut(), this.timerMs)
    socket.on('data', (chunk: Buffer) => this.arrived(chunk))
    socket.on('end', () => this.peerEnded())
    socket.on('close', () => this.closed())
    socket.on('error', fault => log('info', 'an LMTP connection broke', { peer: this.peer, fault: fault.message }))
    socket.write(this.session.greeting(), 'latin1')
  }

  /** Says goodbye now, or as soon as the message under way has been answered. */
  stop(): void {
    this.stopping = true
    if (this.state === 'open' && !this.working && !this.incoming) this.hangUp(lineOf('shuttingDown'))
  }

  destroy(): void {
    this.socket.destroy()
  }

  private arrived(chunk: Buffer): void {
    if (this.state !== 'open') return
    const isUsedUp = this.position === this.input.length
    this.input = isUsedUp ? chunk : Buffer.concat([this.input.subarray(this.position), chunk])
    this.position = 0
    if (this.working) this.socket.pause()
    else void this.turn()
  }

  /** Works until all input is used up, then writes every reply at once. */
  private async turn(): Promise<void> {
    this.working = true
    try {
      for (;;) {
        const progress = this.step()
        if (progress === 'idle') {
          if (this.output === '') break
          await this.flush()
        } else {
          if (progress) await progress
          if (this.output.length > MAX_WAITING_REPLY_BYTES) await this.flush()
        }
      }
    } catch (fault) {
      this.terms.log('error', 'a fault in an LMTP session', { peer: this.peer, fault })
      this.hangUp(lineOf('ownFault'))
    }
    this.working = false
    this.awaitMore()
  }

  private step(): Progress {
    if (this.state !== 'open') return 'idle'
    if (this.stopping && !this.incoming) {
      this.hangUp(lineOf('shuttingDown'))
      return 'idle'
    }
    if (this.position === this.input.length) return 'idle'
    return this.incoming ? this.receive(this.incoming) : this.readCommand()
  }

  private awaitMore(): void {
    if (this.state !== 'open') return
    if (this.peerHasEnded) {
      this.peerEnded()
      return
    }
    const { dataTimeoutMs, commandTimeoutMs } = this.terms.settings
    this.arm(this.incoming ? dataTimeoutMs : commandTimeoutMs)
    if (this.socket.isPaused()) this.socket.resume()
  }

  private readCommand(): Progress {
    const { input, position } = this
    const lf = input.indexOf(LF, position)
    if (lf < 0) {
      if (input.length - position <= MAX_COMMAND_BYTES) return 'idle'
      // Of the rest only the last byte matters: a CR before the LF that is to come.
      this.skippingLine = true
      this.input = input.subarray(input.length - 1)
      this.position = 0
      return 'idle'
    }
    if (lf === position || input[lf - 1] !== CR) {
      this.hangUp(lineOf('bareLineFeed'))
      return 'idle'
    }
    this.position = lf + 1
    const isTooLong = this.skippingLine || lf + 1 - position > MAX_COMMAND_BYTES
    this.skippingLine = false
    return this.take(isTooLong ? this.session.commandTooLong() : this.session.command(input.subarray(position, lf - 1)))
  }

  private take(step: Step): Progress {
    switch (step.kind) {
      case 'reply':
        this.output += step.text
        return undefined
      case 'hangUp':
        this.hangUp(step.text)
        return 'idle'
      case 'receive':
        this.output += step.text
        this.incoming = { reader: new DataReader(), writer: this.terms.spool.open(), isTooLarge: false }
        return undefined
      case 'checkRecipient':
        return this.checkRecipient(step.recipient)
    }
  }

  private async checkRecipient(address: Address): Promise<void> {
    let outcome = ownFault()
    try {
      outcome = await this.terms.arrival.checkRecipient(address, this.session.envelope().client)
    } catch (fault) {
      this.terms.log('error', 'a fault while checking a recipient', { peer: this.peer, fault })
    }
    this.output += this.session.recipientChecked(address, outcome)
  }

  private receive(incoming: Incoming): Progress {
    const { reader, writer } = incoming
    const step = reader.read(this.input, this.position)
    this.position = step.nextByte
    if (step.kind === 'bareLf') {
      this.hangUp(lineOf('bareLineFeed'))
      return 'idle'
    }
    const written = this.isTooLarge(incoming) ? writer.discard() : writer.write(step.piece)
    if (step.kind === 'end') return this.finish(incoming, written)
    // Not a byte more than this chunk lies in memory while it goes to disk.
    if (written) this.socket.pause()
    return written
  }

  /** Once it is, the rest is read and thrown away, so that the client can be told. */
  private isTooLarge(incoming: Incoming): boolean {
    if (incoming.reader.wireBytes > this.terms.spool.maxMessageBytes) incoming.isTooLarge = true
    return incoming.isTooLarge
  }

  private async finish(incoming: Incoming, written: Promise<void> | undefined): Promise<void> {
    if (this.output !== '') await this.flush()
    await written
    // When the client has gone, closed() has thrown the message away: it was never answered, so it comes again.
    if (this.incoming !== incoming) return
    this.incoming = null
    const { recipients } = this.session.envelope()
    if (incoming.isTooLarge)
      this.terms.log('info', 'a message is too large', { peer: this.peer, ...this.session.envelope() })
    const outcomes = incoming.isTooLarge
      ? recipients.map((): Outcome => ({ kind: 'tooLarge', text: 'message too large' }))
      : await this.handle(incoming.writer)
    this.output += this.session.messageDone(outcomes)
    if (this.isClosed()) this.terms.log('warn', 'the client left before the reply', { peer: this.peer })
  }

  private async handle(writer: SpoolWriter): Promise<readonly Outcome[]> {
    const { log, arrival } = this.terms
    const receivedAt = new Date()
    const envelope: Envelope = { id: nextMessageId(receivedAt), ...this.session.envelope(), receivedAt }
    const about = { id: envelope.id, peer: this.peer }
    const result = await writer.finish()
    if (result.kind === 'failed') {
      log('error', 'cannot spool a message', { ...about, fault: result.outcome.cause })
      return envelope.recipients.map(() => result.outcome)
    }
    try {
      return await this.outcomesOf(arrival, result.spooled, envelope)
    } catch (fault) {
      log('error', 'a fault while handling a message', { ...about, fault })
      return envelope.recipients.map(() => ownFault())
    } finally {
      await result.dispose()
    }
  }

  private async outcomesOf(arrival: Arrival, spooled: Spooled, envelope: Envelope): Promise<readonly Outcome[]> {
    const outcomes = await arrival.handleMessage(spooled, envelope)
    if (outcomes.length === envelope.recipients.length) return outcomes
    throw new Error(`${outcomes.length} outcomes for ${envelope.recipients.length} recipients`)
  }

  private async flush(): Promise<void> {
    const text = this.output
    this.output = ''
    if (this.state !== 'open' || this.socket.write(text, 'latin1')) return
    this.awaitsDrain = true
    this.arm(this.terms.settings.commandTimeoutMs)
    await new Promise<void>(resolve => {
      const goOn = (): void => {
        this.socket.off('drain', goOn).off('close', goOn)
        resolve()
      }
      this.socket.on('drain', goOn).on('close', goOn)
    })
    this.awaitsDrain = false
  }

  private hangUp(text: string): void {
    if (this.state !== 'open') return
    this.state = 'hangingUp'
    this.socket.end(this.output + text, 'latin1')
    this.output = ''
    this.forget()
    this.arm(LINGER_MS)
    // Unread bytes would make the kernel reset the connection, and the reply would be lost with it.
    this.socket.resume()
  }

  private peerEnded(): void {
    this.peerHasEnded = true
    if (this.working || this.state !== 'open') return
    if (this.incoming) {
      this.terms.log('info', 'the client left in the middle of a message', { peer: this.peer })
      this.destroy()
    } else this.hangUp('')
  }

  private closed(): void {
    this.state = 'closed'
    clearTimeout(this.timer)
    this.forget()
  }

  private isClosed(): boolean {
    return this.state === 'closed'
  }

  private forget(): void {
    this.input = NOTHING
    this.position = 0
    const incoming = this.incoming
    this.incoming = null
    incoming?.writer.discard().catch((fault: unknown) => {
      this.terms.log('error', 'cannot close a spool file', { peer: this.peer, fault })
    })
  }

  private arm(milliseconds: number): void {
    if (milliseconds === this.timerMs) {
      this.timer.refresh()
      return
    }
    clearTimeout(this.timer)
    this.timerMs = milliseconds
    this.timer = setTimeout(() => this.timedOut(), milliseconds)
  }

  private timedOut(): void {
    if (this.state === 'hangingUp' || this.awaitsDrain) this.destroy()
    else if (this.working) this.timer.refresh()
    else this.hangUp(lineOf('timedOut'))
  }
}
