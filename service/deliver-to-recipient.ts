// From a judged message to what became of it for one recipient: the user, the rules that hold for that user, and the
// world that does what they ask. Never throws for what mail, filters or disks can cause.
import { join } from 'node:path'
import { formatAddress } from '../mail/address.js'
import { withPrefix } from '../mail/content.js'
import type { Content } from '../mail/content.js'
import type { Recipient } from '../mail/envelope.js'
import type { Message } from '../mail/message.js'
import { outcomeOfExitCode, ownFault } from '../mail/outcome.js'
import type { Outcome } from '../mail/outcome.js'
import type { Verdict } from '../mail/verdict.js'
import { isLooping, traceFields } from '../mda/trace-fields.js'
import { findUser } from '../mda/users/find-user.js'
import type { User } from '../mda/users/user.js'
import { answering } from '../rules/answering.js'
import type { RulesResult } from '../rules/asks.js'
import { describeFault } from '../rules/diagnostics.js'
import type { Script } from '../rules/program.js'
import { runRules } from '../rules/run.js'
import { DeliveryWorld } from './delivery-world.js'
import { factsFor } from './facts.js'
import type { Rooms } from './rooms.js'
import type { RuleFile } from './rule-files.js'

/** What is the same for every recipient of a message. */
export type Judged = {
  readonly message: Message
  readonly verdict: Verdict
  readonly stamped: Content
  /** Fires when the whole message must be answered. */
  readonly signal: AbortSignal
}

/** What became of the message for one recipient, for the reply and for the log. */
export type Disposal = { readonly outcome: Outcome; readonly mailbox: string | null; readonly because: string | null }

export async function deliverToRecipient(judged: Judged, recipient: Recipient, rooms: Rooms): Promise<Disposal> {
  if (judged.signal.aborted) return nowhere({ kind: 'tryLater', text: 'took too long, try again later' })
  try {
    const user = await userFor(recipient, rooms)
    if ('kind' in user) return nowhere(user)
    const { message } = judged
    if (isLooping(message.header, recipient.address, message.envelope.client.arrival)) {
      return nowhere({ kind: 'looping', text: 'mail forwarding loop: the message has been here before' })
    }
    return await runRulesFor(user, judged, recipient, rooms)
  } catch (cause) {
    return nowhere(ownFault(cause))
  }
}

async function userFor(recipient: Recipient, rooms: Rooms): Promise<User | Outcome> {
  const found = await findUser(recipient.address, rooms.users.sources, rooms.users.recipientDelimiter)
  if (found === 'unknown') {
    return { kind: 'noSuchMailbox', text: `no mailbox here by the name of ${formatAddress(recipient.address)}` }
  }
  const own = rooms.owner.uid
  if (own === 0 || found.user.uid === own) return found.user
  const cause = `${found.user.name} has uid ${found.user.uid}, but mail is delivered as uid ${own} (service.user)`
  return { kind: 'misconfigured', text: 'the mailbox belongs to another user of this system', cause }
}

async function runRulesFor(user: User, judged: Judged, recipient: Recipient, rooms: Rooms): Promise<Disposal> {
  const scripts = await scriptsFor(user, rooms)
  if ('kind' in scripts) return nowhere(scripts)
  const trace = traceFields(judged.message.envelope, recipient.address, rooms.hostName)
  const content = withPrefix(trace, judged.stamped)
  const { message, stamped, signal } = judged
  const world = new DeliveryWorld({ user, content, stamped, message, recipient: recipient.address, rooms, signal })
  const facts = await factsFor({ message, content, user, hostName: rooms.hostName })
  const result = await answering(runRules(scripts, facts), world)
  return { outcome: outcomeOf(result, world, user), mailbox: world.mailbox, because: world.because ?? placeOf(result) }
}

/** The site's maildroprc, then the user's .mailfilter; or why one of them cannot be used. */
async function scriptsFor(user: User, rooms: Rooms): Promise<Script[] | Outcome> {
  const { siteFile, userFile } = rooms.settings.rules
  const wanted = [
    { path: siteFile, trust: 'site' as const },
    { path: userFile === '' ? '' : join(user.home, userFile), trust: 'user' as const },
  ]
  const scripts: Script[] = []
  for (const { path, trust } of wanted) {
    if (path === '') continue
    const file = await rooms.ruleFiles
      .load(path, { ownerUid: user.uid, home: user.home, trust })
      .catch(unreadable(path))
    if (file.kind === 'program') scripts.push({ program: file.program, trust })
    else if (file.kind === 'faulty') {
      rooms.log.warn({ user: user.name, report: file.report }, 'a filter has faults, its mail waits')
      return { kind: 'misconfigured', text: withoutHome(`a filter has a fault: ${file.where}`, user) }
    }
  }
  return scripts
}

function outcomeOf(result: RulesResult, world: DeliveryWorld, user: User): Outcome {
  switch (result.kind) {
    case 'delivered':
      if (result.exitCode !== 0) return outcomeOfExitCode(result.exitCode, result.output.trim())
      return { kind: 'delivered', text: world.lastText ?? 'delivered' }
    case 'exited':
      return outcomeOfExitCode(result.exitCode, result.output.trim())
    case 'failed':
      return result.outcome
    case 'faulted':
      return { kind: 'misconfigured', text: withoutHome(`a filter has a fault: ${describeFault(result.fault)}`, user) }
  }
}

function placeOf(result: RulesResult): string | null {
  if (result.kind === 'faulted') return `${result.fault.fileName}:${result.fault.line}`
  return result.kind === 'failed' && result.at ? `${result.at.fileName}:${result.at.line}` : null
}

/** Senders need not learn where mailboxes lie. */
function withoutHome(text: string, user: User): string {
  return text.replaceAll(`${user.home}/`, '')
}

function nowhere(outcome: Outcome): Disposal {
  return { outcome, mailbox: null, because: null }
}

/** A file that is there and may not be read is the owner's to mend, and said so. */
function unreadable(path: string) {
  return (error: unknown): RuleFile => {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'ELOOP') throw error
    const where = `${path}: it cannot be read (${code})`
    return { kind: 'faulty', where, report: where }
  }
}
