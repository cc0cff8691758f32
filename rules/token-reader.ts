// The parser's hand on the tokens: look, take, expect. What does not fit is thrown as SyntaxFault and caught where a
// statement begins (parse-statements.ts), so that one file can show several faults.
import { faultAt, type Fault, type Position } from './diagnostics.js'
import type { Token, TokenKind } from './lexer.js'

/** Deeper nesting than people write; keeps the parser and the run from exhausting the stack. */
export const MAX_NESTING = 200
/** Operators in one row without parentheses. */
export const MAX_CHAIN = 500

export class SyntaxFault extends Error {
  constructor(readonly fault: Fault) {
    super(fault.message)
  }
}

export class TokenReader {
  readonly #tokens: readonly Token[]
  #next = 0
  #nesting = 0
  #patterns = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get token(): Token {
    return this.#tokens[this.#next]!
  }

  get kind(): TokenKind {
    return this.token.kind
  }

  isAt(kind: TokenKind): boolean {
    return this.kind === kind
  }

  get at(): Position {
    return this.token.at
  }

  /** Takes the line ends before a token of that kind; none when another token follows. */
  acceptLinesBefore(kind: TokenKind): boolean {
    let index = this.#next
    while (this.#tokens[index]?.kind === 'line') index++
    if (this.#tokens[index]?.kind !== kind) return false
    this.#next = index
    return true
  }

  take(): Token {
    const token = this.token
    if (token.kind !== 'end') this.#next++
    return token
  }

  /** Takes the token when it is of that kind. */
  accept(kind: TokenKind): boolean {
    if (this.kind !== kind) return false
    this.take()
    return true
  }

  expect(kind: TokenKind, where: string, hint?: string): Token {
    if (this.kind !== kind) this.fail(`expected ${nameOf(kind)} ${where}, found ${this.found()}`, hint)
    return this.take()
  }

  /** What stands here, in words. */
  found(): string {
    const { kind, text } = this.token
    if (kind === 'line') return text === ';' ? '";"' : 'the end of the line'
    if (kind === 'end') return 'the end of the file'
    return kind === 'pattern' ? `the pattern ${text}` : `"${text}"`
  }

  fail(message: string, hint?: string): never {
    throw new SyntaxFault(faultAt(this.at, message, hint))
  }

  /** Runs one level deeper. */
  nested<T>(parse: () => T): T {
    if (++this.#nesting > MAX_NESTING) this.fail(`nested more than ${MAX_NESTING} deep`)
    try {
      return parse()
    } finally {
      this.#nesting--
    }
  }

  nextPatternIndex(): number {
    return this.#patterns++
  }

  get patternCount(): number {
    return this.#patterns
  }

  skipToLineEnd(): void {
    while (this.kind !== 'line' && this.kind !== 'end') this.take()
  }
}

function nameOf(kind: TokenKind): string {
  return kind === 'line' ? 'the end of the line' : kind === 'pattern' ? 'a /pattern/' : `"${kind}"`
}
