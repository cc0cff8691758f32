// The real world of one recipient: answers what the rules ask by doing it. Each answer says how it went; nothing throws.
import { realpath } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { appendToLog } from '../admin/append-log.js'
import { maildropLine, maildropRecord } from '../admin/maildrop-log.js'
import type { Address } from '../mail/address.js'
import type { Content } from '../mail/content.js'
import { valuesOf } from '../mail/header.js'
import type { Message } from '../mail/message.js'
import type { Outcome } from '../mail/outcome.js'
import { forward } from '../mda/forward.js'
import { isInside, mailboxLabel, resolveMailbox } from '../mda/mailbox-path.js'
import { deliverToMaildir } from '../mda/maildir.js'
import { DEFAULT_UMASK, maildirTarget } from '../mda/maildir-target.js'
import type { User } from '../mda/users/user.js'
import type { World } from '../rules/answering.js'
import type { Answers, Ask } from '../rules/asks.js'
import { describeFault, faultAt } from '../rules/diagnostics.js'
import type { Trust } from '../rules/program.js'
import type { Rooms } from './rooms.js'

type AskOf<Kind extends Ask['ask']> = Extract<Ask, { ask: Kind }>

export type DeliveryScene = {
  readonly user: User
  readonly recipient: Address
  readonly message: Message
  /** Stamped, as it is forwarded: no Return-Path of ours. */
  readonly stamped: Content
  /** As it lies in a mailbox: trace fields in front. */
  readonly content: Content
  readonly rooms: Rooms
  /** Ends what may take long: forwarding. */
  readonly signal: AbortSignal
}

/** Searched at once, in the worker's own thread: an evil pattern is found out by the clock between two pieces. */
const BODY_PIECE_BYTES = 64 * 1024
/** A line longer than this is searched in pieces: better than holding a message of one line in memory. */
const MAX_LINE_BYTES = 1024 * 1024

export class DeliveryWorld implements World {
  /** Where the message went last, and which line of which filter said so. */
  mailbox: string | null = null
  because: string | null = null
  lastText: string | null = null
  private logfilePath: string | null = null

  constructor(private readonly scene: DeliveryScene) {}

  readonly deliver = async (ask: AskOf<'deliver'>): Promise<Answers['deliver']> => {
    const { outcome, mailbox } = await this.deliverTo(ask)
    this.mailbox = mailbox
    this.because = ask.at ? `${ask.at.fileName}:${ask.at.line}` : 'DEFAULT'
    await this.record(mailbox, outcome)
    if (outcome.kind !== 'delivered') return { delivered: false, outcome }
    this.lastText = outcome.text
    return { delivered: true }
  }

  readonly body = async ({ fromByte }: AskOf<'body'>): Promise<Answers['body']> => {
    const { spooled, root } = this.scene.message
    const start = Math.min(root.startByte, spooled.sizeBytes) + fromByte
    const bytes = await this.pieceFrom(start)
    const next = start + bytes.length
    return { bytes, nextByte: next === spooled.sizeBytes ? null : next - start + fromByte }
  }

  readonly lines = async (): Promise<number> => {
    let count = 0
    const { bytes, sizeBytes } = this.scene.message.spooled
    for await (const piece of bytes.stream(0, sizeBytes)) {
      for (let at = piece.indexOf(0x0a); at >= 0; at = piece.indexOf(0x0a, at + 1)) count++
    }
    return count
  }

  readonly log = async ({ text }: AskOf<'log'>): Promise<undefined> => {
    await this.appendTo(this.logfilePath, maildropLine(text.replace(/\n$/, '')))
  }

  readonly logfile = async ({ path, trust }: AskOf<'logfile'>): Promise<Answers['logfile']> => {
    const { home, uid, gid } = this.scene.user
    const resolved = resolve(home, path)
    try {
      await this.assertAllowed(resolved, trust)
      await appendToLog(resolved, '', { ownerUid: uid, ownerGid: gid })
      this.logfilePath = resolved
      return { opened: true }
    } catch (cause) {
      return { opened: false, outcome: { kind: 'tryLater', text: 'the logfile of the filter cannot be opened', cause } }
    }
  }

  readonly include = async ({ fileName, trust, at }: AskOf<'include'>): Promise<Answers['include']> => {
    const path = resolve(this.scene.user.home, fileName)
    const { uid: ownerUid, home } = this.scene.user
    try {
      const file = await this.scene.rooms.ruleFiles.load(path, { ownerUid, home, trust })
      // What the site includes from a home, the user has written.
      if (file.kind === 'program') return { program: file.program, trust: file.isInHome ? 'user' : trust }
      if (file.kind === 'absent') return { fault: faultAt(at, `include: there is no file ${fileName}`) }
      return { fault: faultAt(at, `include: ${file.where}`) }
    } catch (cause) {
      return { outcome: { kind: 'tryLater', text: `the included filter ${fileName} cannot be read`, cause } }
    }
  }

  readonly warn = ({ fault }: AskOf<'warn'>): undefined => {
    this.scene.rooms.log.warn({ user: this.scene.user.name }, describeFault(fault))
  }

  readonly pause = async (): Promise<undefined> => {
    await nextTurn()
  }

  /** Up to the last line end of a piece, or to the first one after it, or to the message's end. */
  private async pieceFrom(start: number): Promise<Buffer> {
    const { bytes, sizeBytes } = this.scene.message.spooled
    const read = async (maxBytes: number): Promise<Buffer> => {
      const end = Math.min(start + maxBytes, sizeBytes)
      return bytes.inMemory?.subarray(start, end) ?? bytes.read(start, end)
    }
    const piece = await read(BODY_PIECE_BYTES)
    if (start + piece.length === sizeBytes) return piece
    const lineEnd = piece.lastIndexOf(0x0a) + 1
    if (lineEnd > 0) return piece.subarray(0, lineEnd)
    const line = await read(MAX_LINE_BYTES)
    return line.subarray(0, line.indexOf(0x0a) + 1 || line.length)
  }

  private async deliverTo({ to, trust, variables }: AskOf<'deliver'>): Promise<{ outcome: Outcome; mailbox: string }> {
    const { user, content, stamped, recipient, message, rooms, signal } = this.scene
    if (to.startsWith('!')) {
      const { sender } = message.envelope
      const forwarding = { content: stamped, sender, addresses: to.slice(1), recipient, hostName: rooms.hostName }
      return { outcome: await forward(forwarding, rooms.settings.forward, signal), mailbox: to }
    }
    if (to.startsWith('|'))
      return { outcome: misconfigured('delivering to a command is not possible yet'), mailbox: to }
    const mailbox = resolveMailbox(to, user.home, trust)
    if (mailbox.kind === 'refused')
      return { outcome: misconfigured(`cannot deliver to ${to}: ${mailbox.why}`), mailbox: to }
    const createHome = rooms.settings.users.source === 'template' && !rooms.settings.users.mustExist
    const umask = umaskFrom(variables.get('UMASK'))
    const { outcome, remark } = await deliverToMaildir(
      content,
      maildirTarget(user, mailbox, { trust, createHome, umask }),
    )
    if (remark !== null) rooms.log.warn({ user: user.name, mailbox: mailbox.path }, remark)
    return { outcome, mailbox: mailboxLabel(mailbox.path, user.home) }
  }

  /** One record in maildrop's form for every delivery, in the site's log and in the filter's own. */
  private async record(mailbox: string, outcome: Outcome): Promise<void> {
    const { maildropLog, log } = this.scene.rooms
    if (!maildropLog && this.logfilePath === null) return
    const { header } = this.scene.message
    const text = maildropRecord({
      date: new Date(),
      from: valuesOf(header, 'From')[0] ?? '',
      subject: valuesOf(header, 'Subject')[0] ?? '',
      mailbox,
      sizeBytes: this.scene.content.sizeBytes,
      failed: outcome.kind !== 'delivered',
    })
    // The message is safe already, or answered otherwise: a log that fails now must not make it come twice.
    await maildropLog
      ?.append(text)
      .catch((error: unknown) => log.error({ fault: String(error) }, 'maildrop.log cannot be written'))
    await this.appendTo(this.logfilePath, text)
  }

  private async appendTo(path: string | null, text: string): Promise<void> {
    if (path === null) return
    const { uid, gid, name } = this.scene.user
    await appendToLog(path, text, { ownerUid: uid, ownerGid: gid }).catch((error: unknown) => {
      this.scene.rooms.log.warn(
        { user: name, logfile: path, fault: String(error) },
        'the logfile of a filter cannot be written',
      )
    })
  }

  /** What a user's filter names lies inside the home, links included: virtual users share one uid. Throws otherwise. */
  private async assertAllowed(path: string, trust: Trust): Promise<void> {
    if (trust === 'site') return
    const [folder, home] = await Promise.all([realpath(dirname(path)), realpath(this.scene.user.home)])
    if (!isInside(folder, home)) throw new Error(`${path} leads out of the home directory`)
  }
}

/** UMASK as maildrop has it, in octal; what is no number leaves the default. */
function umaskFrom(text = ''): number {
  const given = Number.parseInt(text, 8)
  return Number.isNaN(given) ? DEFAULT_UMASK : given & 0o777
}

function misconfigured(text: string): Outcome {
  return { kind: 'misconfigured', text }
}
