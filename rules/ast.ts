// A filter as the parser sees it: statements and expressions, each with its place in the file. Plain values that print.
// The whole of maildrop's language has its nodes here; check.ts says which of them are carried out.
import type { Position } from './diagnostics.js'

/** Text between substitutions, or the variable that stands there. */
export type Segment = string | { readonly variable: string }

export type Pattern = {
  readonly segments: readonly Segment[]
  readonly options: PatternOptions
  /** The opening slash. */
  readonly at: Position
  /** The pattern's place among all patterns of the file. */
  readonly index: number
}

export type PatternOptions = {
  /** `top`: the message's own header (`H`); `all`: those of its parts too (`h`). */
  readonly header: 'none' | 'top' | 'all'
  readonly body: boolean
  readonly caseSensitive: boolean
  /** `/x/:h,first,factor`: every matching line counts, each `factor` times the one before. */
  readonly weight: { readonly first: number; readonly factor: number } | null
}

export type BinaryOperator = NumberOperator | TextOperator
export type NumberOperator = '+' | '-' | '*' | '/' | '|' | '&' | '<' | '<=' | '>' | '>=' | '==' | '!='
export type TextOperator = 'lt' | 'le' | 'gt' | 'ge' | 'eq' | 'ne'

export type FunctionName =
  | 'length'
  | 'substr'
  | 'tolower'
  | 'toupper'
  | 'escape'
  | 'getaddr'
  | 'hasaddr'
  | 'time'
  | 'lookup'
  | 'gdbmopen'
  | 'gdbmclose'
  | 'gdbmfetch'
  | 'gdbmstore'

export type MatchExpression =
  | { readonly kind: 'matchMessage'; readonly pattern: Pattern; readonly at: Position }
  | { readonly kind: 'matchText'; readonly subject: Expression; readonly pattern: Pattern; readonly at: Position }

export type Expression =
  | MatchExpression
  /** Double-quoted or bare: variables are put in. `raw` is what stands in the file, quotes and escapes undone. */
  | { readonly kind: 'text'; readonly segments: readonly Segment[]; readonly raw: string; readonly at: Position }
  | { readonly kind: 'literal'; readonly value: string; readonly at: Position }
  /** Back-ticks. */
  | { readonly kind: 'command'; readonly command: string; readonly at: Position }
  | { readonly kind: 'concat'; readonly parts: readonly Expression[]; readonly at: Position }
  | { readonly kind: 'assign'; readonly name: string; readonly value: Expression; readonly at: Position }
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression; readonly at: Position }
  | { readonly kind: 'not' | 'complement'; readonly operand: Expression; readonly at: Position }
  | {
      readonly kind: 'binary'
      readonly operator: BinaryOperator
      readonly left: Expression
      readonly right: Expression
      readonly at: Position
    }
  | {
      readonly kind: 'call'
      readonly name: FunctionName
      readonly arguments: readonly Expression[]
      readonly at: Position
    }

export type Branch = { readonly condition: Expression; readonly body: Statement }

export type Statement =
  | { readonly kind: 'block'; readonly statements: readonly Statement[]; readonly at: Position }
  | {
      readonly kind: 'if'
      readonly branches: readonly Branch[]
      readonly otherwise: Statement | null
      readonly at: Position
    }
  | { readonly kind: 'while'; readonly condition: Expression; readonly body: Statement; readonly at: Position }
  | { readonly kind: 'foreach'; readonly match: MatchExpression; readonly body: Statement; readonly at: Position }
  | { readonly kind: 'exception'; readonly body: Statement; readonly at: Position }
  | { readonly kind: 'dotlock' | 'flock'; readonly path: Expression; readonly body: Statement; readonly at: Position }
  | { readonly kind: OneValueStatement; readonly value: Expression; readonly at: Position }
  | { readonly kind: 'exit'; readonly at: Position }
  | { readonly kind: 'expression'; readonly value: Expression; readonly at: Position }

/** Statements that are a word and one expression. */
export type OneValueStatement =
  'to' | 'cc' | 'echo' | 'log' | 'logfile' | 'include' | 'import' | 'unset' | 'system' | 'xfilter'
