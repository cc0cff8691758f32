// One line per message and recipient that says where it went and why. In comes what handling the message has produced,
// out goes one line of the log; the peer never sees its `cause`.
import { inspect } from 'node:util'
import { formatAddress } from '../mail/address.js'
import type { Address } from '../mail/address.js'
import type { Envelope } from '../mail/envelope.js'
import { describeFinding } from '../mail/finding.js'
import { replyFor } from '../mail/outcome.js'
import type { Outcome } from '../mail/outcome.js'
import type { Spooled } from '../mail/spooled.js'
import type { Verdict } from '../mail/verdict.js'
import type { Log } from './service-log.js'

export type Delivery = {
  readonly envelope: Envelope
  readonly recipient: Address
  /** The Message-ID field as the sender wrote it. */
  readonly messageId: string | null
  readonly spooled: Pick<Spooled, 'sizeBytes' | 'sha256'>
  /** Null when the message was refused or deferred before it was looked into. */
  readonly verdict: Verdict | null
  readonly outcome: Outcome
  /** Where it was put: `Maildir/.Junk`, `! other@example.com`, `| program`; null when nowhere. */
  readonly mailbox: string | null
  /** What decided that: `/etc/maildroprc:12`. */
  readonly because: string | null
  readonly durationMs: number
}

/** Long enough for every honest Message-ID, short enough that a sender cannot fill the disk with one. */
const MAX_TEXT_LENGTH = 1_000
const MAX_FINDINGS = 50

export function logDelivery(log: Log, delivery: Delivery): void {
  const isOurFault = delivery.outcome.kind === 'misconfigured' || delivery.outcome.kind === 'tryLater'
  const text = sentenceFor(delivery)
  if (isOurFault) log.warn(deliveryFields(delivery), text)
  else log.info(deliveryFields(delivery), text)
}

/** The fields of the line, in the order in which a person asks for them. */
export function deliveryFields(delivery: Delivery): Record<string, unknown> {
  const { envelope, spooled, verdict, outcome } = delivery
  const reply = replyFor(outcome)
  return {
    id: envelope.id,
    messageId: delivery.messageId === null ? null : cut(delivery.messageId),
    sender: envelope.sender === null ? '<>' : formatAddress(envelope.sender),
    recipient: formatAddress(delivery.recipient),
    outcome: outcome.kind,
    mailbox: delivery.mailbox === null ? null : cut(delivery.mailbox),
    because: delivery.because,
    decision: verdict?.decision ?? null,
    policy: verdict?.policy ?? null,
    findings: verdict ? findingsOf(verdict) : null,
    reply: `${reply.code} ${reply.status} ${reply.text}`,
    client: { ...envelope.client, heloName: envelope.client.heloName === null ? null : cut(envelope.client.heloName) },
    sizeBytes: spooled.sizeBytes,
    sha256: spooled.sha256,
    durationMs: Math.round(delivery.durationMs),
    ...(outcome.cause === undefined ? {} : { cause: describeCause(outcome.cause) }),
  }
}

function sentenceFor({ outcome, mailbox }: Delivery): string {
  if (outcome.kind === 'delivered') return mailbox === null ? 'accepted, delivered nowhere' : 'delivered'
  return outcome.kind === 'tryLater' || outcome.kind === 'misconfigured' || outcome.kind === 'mailboxFull'
    ? 'deferred'
    : 'refused'
}

function findingsOf(verdict: Verdict): string[] {
  const shown = verdict.findings.slice(0, MAX_FINDINGS).map(finding => cut(describeFinding(finding)))
  const more = verdict.findings.length - shown.length
  return more > 0 ? [...shown, `and ${more} more`] : shown
}

/** An error with its stack and what caused it, so that one line is enough to find a bug. */
function describeCause(cause: unknown): string {
  const words: string[] = []
  for (let error = cause; error !== undefined && words.length < MAX_CAUSES;) {
    words.push(
      error instanceof Error
        ? (error.stack ?? error.message)
        : typeof error === 'string'
          ? error
          : inspect(error, { depth: 3, breakLength: Infinity }),
    )
    error = error instanceof Error ? error.cause : undefined
  }
  return words.join('\ncaused by: ').slice(0, MAX_CAUSE_LENGTH)
}

const MAX_CAUSES = 5
const MAX_CAUSE_LENGTH = 4_000

function cut(text: string): string {
  return text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}...` : text
}
