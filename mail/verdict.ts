// What the policy makes of the findings: one word for the whole message, and why.
import type { Finding } from './finding.js'

/** From mildest to gravest but for `defer`, which is no judgement at all: we could not look. */
export type Decision = 'pass' | 'tag' | 'refuse' | 'discard' | 'defer'

export type Verdict = {
  readonly decision: Decision
  readonly findings: readonly Finding[]
  /** Which setting decided, as it is written in mailweir.toml: `policy.virus = "refuse"`; empty when nothing was found. */
  readonly policy: string
}
