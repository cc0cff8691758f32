// What becomes of a message with such findings: the settings under `policy`, and the one function that applies them.
// The gravest decision wins. `defer` is no judgement ("we could not look", or "look again later"): it beats pass and tag,
// and gives way to what was found for certain, since looking again would not undo that.
import { z } from 'zod'
import type { Finding } from '../mail/finding.js'
import type { Decision, Verdict } from '../mail/verdict.js'

/** The limits that are not the message's fault but a scanner's, as `overLimit` findings name them. */
export const CLAMD_STREAM_LIMIT = 'clamd StreamMaxLength'
export const SPAMD_SIZE_LIMIT = 'spamd maxMessageBytes'

const decision = z.enum(['pass', 'tag', 'refuse', 'discard', 'defer'])

export const policySettings = z
  .strictObject({
    virus: decision.default('refuse').describe('A message in which clamd found a virus.'),
    spam: decision
      .default('tag')
      .describe('A message that spamd calls spam; "tag" lets the filter put it into a folder.'),
    encrypted: decision
      .default('tag')
      .describe('A message with an encrypted archive: its content could not be looked at.'),
    overLimit: decision
      .default('tag')
      .describe(
        'A message that goes over a limit of unpacking or of MIME structure (archive bombs, nesting, too many parts).',
      ),
    ambiguous: decision
      .default('tag')
      .describe('A message that mail programs read in different ways; every reading has been scanned.'),
    stale: decision
      .default('pass')
      .describe(
        'A message scanned with old signatures; it is for the operator to act on, so by default the mail is not marked.',
      ),
    overScanLimit: decision
      .default('tag')
      .describe(
        'A message, or something packed in it, that is larger than clamd takes in one stream (clamd.maxStreamBytes) and so was not ' +
          'scanned as a whole; its parts were, one by one. Its size does not change by waiting: "defer" only makes it bounce days ' +
          'later unless the limit is raised meanwhile. Sites that want nothing unscanned let through say "refuse".',
      ),
    overSpamLimit: decision
      .default('pass')
      .describe(
        'A message too large to be sent to spamd (spamd.maxMessageBytes); spam is small, so by default this is no reason to mark it.',
      ),
    unscannedByClamd: decision
      .default('defer')
      .describe('A message that clamd could not scan: it is down, too slow, or failed. The sender tries again.'),
    unscannedBySpamd: decision
      .default('defer')
      .describe('A message that spamd could not check: it is down, too slow, or failed. The sender tries again.'),
    unscannedByUnpack: decision
      .default('tag')
      .describe(
        'A message with a damaged archive, or one packed by a method we do not read; clamd has still scanned it as it is.',
      ),
  })
  .prefault({})

export type Policy = z.infer<typeof policySettings>

/** A fault of ours is always "later"; no setting can say otherwise. */
export type PolicyKey = keyof Policy | 'ownFault'

/** Names the setting under `policy` that speaks of such a finding. */
export function settingFor(finding: Finding): PolicyKey {
  switch (finding.kind) {
    case 'overLimit':
      if (finding.limit === CLAMD_STREAM_LIMIT) return 'overScanLimit'
      return finding.limit === SPAMD_SIZE_LIMIT ? 'overSpamLimit' : 'overLimit'
    case 'unscanned':
      return UNSCANNED_BY[finding.by]
    default:
      return finding.kind
  }
}

const UNSCANNED_BY = {
  clamd: 'unscannedByClamd',
  spamd: 'unscannedBySpamd',
  unpack: 'unscannedByUnpack',
  us: 'ownFault',
} as const

/** The verdict on a message with these findings; of equals, the first finding is the one that decided. */
export function verdictFrom(findings: readonly Finding[], policy: Policy): Verdict {
  let decided: { decision: Decision; setting: string; weight: number } = { decision: 'pass', setting: '', weight: -1 }
  for (const finding of findings) {
    const setting = settingFor(finding)
    const decision = setting === 'ownFault' ? 'defer' : policy[setting]
    const weight = weightOf(decision, isCertain(finding))
    const because = setting === 'ownFault' ? 'a fault on our side' : `policy.${setting} = "${decision}"`
    if (weight > decided.weight) decided = { decision, setting: because, weight }
  }
  return { decision: decided.decision, findings, policy: decided.setting }
}

/** Not certain: what looking again, later, may turn out to be something else. */
function isCertain(finding: Finding): boolean {
  return finding.kind !== 'unscanned' && finding.kind !== 'stale'
}

/** A site may refuse what could not be scanned; but while something else defers, the next look may find it clean. */
function weightOf(decision: Decision, certain: boolean): number {
  switch (decision) {
    case 'pass':
      return 0
    case 'tag':
      return 1
    case 'defer':
      return 5
    case 'refuse':
      return certain ? 7 : 3
    case 'discard':
      return certain ? 8 : 4
  }
}
