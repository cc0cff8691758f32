// What a verdict means for the sender: the outcome of a message that never reaches the rules. Pure.
import { describeFinding } from '../mail/finding.js'
import type { Finding } from '../mail/finding.js'
import type { Outcome } from '../mail/outcome.js'
import type { Verdict } from '../mail/verdict.js'

/** The outcome when the verdict ends the message here; null when it goes on to the rules. */
export function outcomeOfVerdict(verdict: Verdict): Outcome | null {
  switch (verdict.decision) {
    case 'pass':
    case 'tag':
      return null
    case 'refuse':
      return { kind: 'refused', text: refusalText(verdict) }
    case 'discard':
      return { kind: 'delivered', text: 'discarded' }
    case 'defer':
      return { kind: 'tryLater', text: deferralText(verdict) }
  }
}

/** The sender learns what was found, not where our limits lie. */
function refusalText(verdict: Verdict): string {
  const virus = verdict.findings.find(isKind('virus'))
  if (virus) return `5.7.1 message refused: it carries ${virus.name}`
  const worst = verdict.findings[0]
  return `5.7.1 message refused: ${worst ? describeFinding(worst) : 'site policy'}`
}

function deferralText(verdict: Verdict): string {
  const unscanned = verdict.findings.find(isKind('unscanned'))
  if (unscanned && unscanned.by !== 'us') return `4.3.0 could not be scanned by ${unscanned.by} now, try again later`
  return '4.3.0 could not be inspected now, try again later'
}

function isKind<Kind extends Finding['kind']>(kind: Kind) {
  return (finding: Finding): finding is Extract<Finding, { kind: Kind }> => finding.kind === kind
}
