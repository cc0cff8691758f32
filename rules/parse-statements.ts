// Tokens into statements, by maildrop's grammar, where a line end ends a statement. What maildrop refuses only for its
// layout is taken too: `{` on the line of its `if`, `else` after blank lines or after `}`, a statement before `}`.
// A blank line between `if (...)` and its block is no such thing: there maildrop reads an empty `if`, and so do we.
import type { Branch, OneValueStatement, Statement } from './ast.js'
import { faultAt, MAX_FAULTS, type Fault } from './diagnostics.js'
import type { TokenKind } from './lexer.js'
import { isMatch, parseExpression } from './parse-expressions.js'
import { SyntaxFault, type TokenReader } from './token-reader.js'

const ONE_VALUE: ReadonlySet<TokenKind> = new Set<OneValueStatement>([
  'to', 'cc', 'echo', 'log', 'logfile', 'include', 'import', 'unset', 'system', 'xfilter',
]) // prettier-ignore

export class StatementParser {
  readonly faults: Fault[] = []
  readonly warnings: Fault[] = []
  readonly #reader: TokenReader
  /** Faults in a row that were one fault count too. */
  #recoveries = 0

  constructor(reader: TokenReader) {
    this.#reader = reader
  }

  // file = { statement | line end }
  parseFile(): Statement[] {
    const statements: Statement[] = []
    while (this.#reader.kind !== 'end' && this.#recoveries < MAX_FAULTS) {
      this.#parseList(statements)
      if (this.#reader.kind !== '}') continue
      if (this.faults.length === 0) this.faults.push(faultAt(this.#reader.at, '"}" without its "{"'))
      this.#recoveries++
      this.#reader.take()
    }
    return statements
  }

  #parseList(statements: Statement[]): void {
    for (;;) {
      const { kind } = this.#reader
      if (kind === 'end' || kind === '}' || this.#recoveries >= MAX_FAULTS) return
      if (kind === 'line') this.#reader.take()
      else this.#parseOrRecover(statements)
    }
  }

  /** After a fault the rest of the line is skipped, and what follows is read as usual. */
  #parseOrRecover(statements: Statement[]): void {
    try {
      statements.push(this.#parseStatement())
    } catch (error) {
      if (!(error instanceof SyntaxFault)) throw error
      this.#recoveries++
      // A fault in the line of an if leaves its else alone; that is no second fault.
      if (!this.#isAtElse() || this.faults.length === 0) this.faults.push(error.fault)
      this.#reader.skipToLineEnd()
    }
  }

  // statement = if | while | foreach | block | exception | lock | exit | one value | expression
  #parseStatement(): Statement {
    return this.#reader.nested(() => {
      const { kind } = this.#reader
      if (kind === 'if') return this.#parseIf()
      if (kind === 'while') return this.#parseWhile()
      if (kind === 'foreach') return this.#parseForeach()
      if (kind === '{') return this.#parseBlock()
      if (kind === 'exception') return this.#parseException()
      if (kind === 'dotlock' || kind === 'flock') return this.#parseLock(kind)
      if (kind === 'exit') return this.#parseExit()
      if (kind === 'else' || kind === 'elsif') return this.#refuseElse(kind)
      return ONE_VALUE.has(kind) ? this.#parseOneValue(kind as OneValueStatement) : this.#parseExpressionStatement()
    })
  }

  // if = "if" condition substatement { "elsif" condition substatement } [ "else" substatement ]
  #parseIf(): Statement {
    const { at } = this.#reader
    const branches: Branch[] = []
    do {
      const word = this.#reader.take().text
      const condition = this.#parseCondition(word)
      branches.push({ condition, body: this.#parseSubstatement(word) })
    } while (this.#reachesWord('elsif'))
    let otherwise: Statement | null = null
    if (this.#reachesWord('else')) {
      this.#reader.take()
      otherwise = this.#parseSubstatement('else')
    }
    return { kind: 'if', branches, otherwise, at }
  }

  // while = "while" condition substatement
  #parseWhile(): Statement {
    const { at } = this.#reader.take()
    const condition = this.#parseCondition('while')
    return { kind: 'while', condition, body: this.#parseSubstatement('while'), at }
  }

  // foreach = "foreach" ( pattern | element "=~" pattern ) substatement
  #parseForeach(): Statement {
    const { at } = this.#reader.take()
    const match = parseExpression(this.#reader)
    if (!isMatch(match)) {
      throw new SyntaxFault(
        faultAt(match.at, 'foreach needs a pattern', 'foreach /pattern/ or foreach (text) =~ /pattern/'),
      )
    }
    return { kind: 'foreach', match, body: this.#parseSubstatement('foreach'), at }
  }

  // condition = "(" expression ")"
  #parseCondition(word: string) {
    this.#reader.expect('(', `after ${word}`)
    const condition = parseExpression(this.#reader)
    this.#reader.expect(')', 'to close the condition')
    return condition
  }

  // substatement = [ line end ] ( block | statement ) | line end line end
  #parseSubstatement(word: string): Statement {
    const reader = this.#reader
    const { at } = reader
    if (reader.kind === '{') return this.#parseBlock()
    reader.expect(
      'line',
      `after ${word === 'else' ? 'else' : `the ")" of ${word}`}`,
      'the statement goes on the next line',
    )
    if (reader.kind !== 'line') return this.#parseStatement()
    const message = `an empty line after ${word}: what follows does not belong to it`
    if (this.warnings.length < MAX_FAULTS) this.warnings.push(faultAt(reader.at, message, 'take out the empty line'))
    reader.take()
    return { kind: 'block', statements: [], at }
  }

  // block = "{" { statement | line end } "}" line end
  #parseBlock(): Statement {
    const { at } = this.#reader.take()
    const statements: Statement[] = []
    this.#parseList(statements)
    if (this.#reader.kind !== '}') {
      const found = this.#reader.found()
      if (this.faults.length === 0) this.faults.push(faultAt(at, `this "{" is not closed, found ${found}`))
      return { kind: 'block', statements, at }
    }
    this.#reader.take()
    if (!this.#isAtElse()) this.#endStatement('after "}"')
    return { kind: 'block', statements, at }
  }

  // exception = "exception" block
  #parseException(): Statement {
    const { at } = this.#reader.take()
    if (this.#reader.kind !== '{') this.#reader.fail(`expected "{" after exception, found ${this.#reader.found()}`)
    return { kind: 'exception', body: this.#parseBlock(), at }
  }

  // lock = ( "dotlock" | "flock" ) expression block
  #parseLock(kind: 'dotlock' | 'flock'): Statement {
    const { at } = this.#reader.take()
    const path = parseExpression(this.#reader)
    if (this.#reader.kind !== '{')
      this.#reader.fail(`expected "{" after ${kind} and its file, found ${this.#reader.found()}`)
    return { kind, path, body: this.#parseBlock(), at }
  }

  // exit = "exit" line end
  #parseExit(): Statement {
    const { at } = this.#reader.take()
    this.#endStatement('after exit', 'the code goes into EXITCODE before: EXITCODE=77')
    return { kind: 'exit', at }
  }

  // one value = ( "to" | "cc" | "echo" | "log" | … ) expression line end
  #parseOneValue(kind: OneValueStatement): Statement {
    const { at } = this.#reader.take()
    const value = parseExpression(this.#reader)
    this.#endStatement(`after ${kind} and its text`)
    return { kind, value, at }
  }

  #parseExpressionStatement(): Statement {
    const value = parseExpression(this.#reader)
    this.#endStatement('here')
    return { kind: 'expression', value, at: value.at }
  }

  #refuseElse(kind: 'else' | 'elsif'): never {
    this.#reader.fail(`${kind} without its if`, 'only one statement, or a block in braces, stands between if and else')
  }

  #isAtElse(): boolean {
    return this.#reader.kind === 'else' || this.#reader.kind === 'elsif'
  }

  /** A "}" may close the block on the statement's own line. */
  #endStatement(where: string, hint?: string): void {
    if (this.#reader.kind === '}' || this.#reader.accept('line')) return
    this.#reader.expect('line', where, hint)
  }

  /** Whether the word comes next, line ends apart; they are taken only when it does. */
  #reachesWord(word: 'else' | 'elsif'): boolean {
    return this.#reader.acceptLinesBefore(word)
  }
}
