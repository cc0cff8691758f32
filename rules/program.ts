// A filter that was parsed and found sound: what runs. It holds no state of a run, so one serves many messages at once.
import type { Statement } from './ast.js'
import type { Compiled, PatternCache } from './pattern.js'
import type { Prefilter } from './prefilter.js'

export type Program = {
  readonly fileName: string
  /** For the caret line of faults that show only in the run. */
  readonly source: string
  readonly statements: readonly Statement[]
  /** By the patterns' index; null where variables stand in the pattern. */
  readonly patterns: readonly (Compiled | null)[]
  readonly variablePatterns: PatternCache
  readonly headerPrefilter: Prefilter
  readonly bodyPrefilter: Prefilter
}

/** Who wrote a script. What `user` scripts name is confined to the user's mailbox. */
export type Trust = 'site' | 'user'

export type Script = { readonly program: Program; readonly trust: Trust }
