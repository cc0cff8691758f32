// What a parsed filter means and whether it can be carried out: every pattern compiles, nothing is used that is not
// there. In go statements, out come faults and warnings with their places, and the compiled patterns.
import type { Expression, FunctionName, Pattern, Statement } from './ast.js'
import { faultAt, MAX_FAULTS, type Fault, type Position } from './diagnostics.js'
import { compileConstant, type Compiled } from './pattern.js'
import type { TranslationTarget } from './pattern-escape.js'
import { Prefilter } from './prefilter.js'
import { constantText } from './substitution.js'

/** Of a whole file: more is no filter that a person wrote, and would take long to compile. */
const MAX_PATTERNS = 2000
const MAX_PATTERNS_SIZE = 100_000

const NOT_CARRIED_OUT: ReadonlySet<string> = new Set([
  'system', 'xfilter', 'dotlock', 'flock', 'lookup', 'gdbmopen', 'gdbmclose', 'gdbmfetch', 'gdbmstore',
] satisfies (Statement['kind'] | FunctionName)[]) // prettier-ignore

export type CheckResult = {
  readonly faults: readonly Fault[]
  readonly warnings: readonly Fault[]
  readonly patterns: readonly (Compiled | null)[]
  readonly headerPrefilter: Prefilter
  readonly bodyPrefilter: Prefilter
}

export function check(statements: readonly Statement[], patternCount: number): CheckResult {
  const checker = new Checker(patternCount)
  for (const statement of statements) checker.checkStatement(statement)
  return checker
}

class Checker implements CheckResult {
  readonly faults: Fault[] = []
  readonly warnings: Fault[] = []
  readonly patterns: (Compiled | null)[]
  readonly headerPrefilter = new Prefilter()
  readonly bodyPrefilter = new Prefilter()
  #patternsSize = 0

  constructor(patternCount: number) {
    this.patterns = new Array<Compiled | null>(patternCount).fill(null)
  }

  checkStatement(statement: Statement): void {
    if (this.faults.length >= MAX_FAULTS) return
    this.#checkIsCarriedOut(statement.kind, statement.at)
    switch (statement.kind) {
      case 'block':
        for (const inner of statement.statements) this.checkStatement(inner)
        return
      case 'if':
        for (const { condition, body } of statement.branches) this.#checkConditional(condition, body)
        if (statement.otherwise) this.checkStatement(statement.otherwise)
        return
      case 'while':
        this.#checkConditional(statement.condition, statement.body)
        return
      case 'foreach':
        this.#checkConditional(statement.match, statement.body)
        return
      case 'exception':
        this.checkStatement(statement.body)
        return
      case 'dotlock':
      case 'flock':
        this.#checkConditional(statement.path, statement.body)
        return
      case 'exit':
        return
      default:
        this.#checkOneValue(statement)
    }
  }

  #checkConditional(expression: Expression, body: Statement): void {
    this.#checkExpression(expression)
    this.checkStatement(body)
  }

  #checkOneValue(statement: Extract<Statement, { value: Expression }>): void {
    const { kind, value, at } = statement
    this.#checkExpression(value)
    const isDelivery = kind === 'to' || kind === 'cc'
    if (isDelivery && value.kind === 'text' && constantText(value.segments) === '') {
      this.faults.push(faultAt(at, `${kind} needs a mailbox`))
    }
  }

  #checkExpression(expression: Expression): void {
    if (this.faults.length >= MAX_FAULTS) return
    switch (expression.kind) {
      case 'text':
      case 'literal':
        return
      case 'command':
        this.faults.push(faultAt(expression.at, 'commands in back-ticks are not carried out'))
        return
      case 'matchMessage':
        this.#checkPattern(expression.pattern, 'line')
        return
      case 'matchText':
        this.#checkExpression(expression.subject)
        this.#checkPattern(expression.pattern, 'text')
        return
      case 'assign':
        this.#checkName(expression.name, expression.at)
        this.#checkExpression(expression.value)
        return
      default:
        this.#checkOperands(expression)
    }
  }

  #checkOperands(
    expression: Extract<
      Expression,
      { parts: unknown } | { left: unknown } | { operand: unknown } | { name: FunctionName }
    >,
  ): void {
    switch (expression.kind) {
      case 'concat':
        for (const part of expression.parts) this.#checkExpression(part)
        return
      case 'not':
      case 'complement':
        this.#checkExpression(expression.operand)
        return
      case 'call':
        this.#checkIsCarriedOut(expression.name, expression.at)
        for (const argument of expression.arguments) this.#checkExpression(argument)
        return
      case 'and':
      case 'or':
      case 'binary':
        this.#checkExpression(expression.left)
        this.#checkExpression(expression.right)
    }
  }

  #checkIsCarriedOut(word: string, at: Position): void {
    if (NOT_CARRIED_OUT.has(word)) this.faults.push(faultAt(at, `${word} is not carried out`))
  }

  /** maildrop takes `$NAME=x` for a variable that is called "$NAME": nobody can mean it. */
  #checkName(name: string, at: Position): void {
    if (name.startsWith('$') && this.warnings.length < MAX_FAULTS) {
      this.warnings.push(faultAt(at, `this sets a variable that is called "${name}"`, `write ${name.slice(1)}=`))
    }
  }

  #checkPattern(pattern: Pattern, target: TranslationTarget): void {
    if (pattern.index >= MAX_PATTERNS) {
      if (pattern.index === MAX_PATTERNS) this.faults.push(faultAt(pattern.at, `more than ${MAX_PATTERNS} patterns`))
      return
    }
    if (this.#patternsSize > MAX_PATTERNS_SIZE) return
    const compiled = compileConstant(pattern, target)
    if (compiled === null) return
    if ('message' in compiled) {
      this.faults.push(compiled)
      return
    }
    this.#patternsSize += compiled.size
    if (this.#patternsSize > MAX_PATTERNS_SIZE) {
      this.faults.push(faultAt(pattern.at, 'the patterns of this file are too large together', 'count repeats to less'))
      return
    }
    this.patterns[pattern.index] = compiled
    if (target === 'text') return
    if (pattern.options.header !== 'none') this.headerPrefilter.add(pattern, compiled)
    if (pattern.options.body) this.bodyPrefilter.add(pattern, compiled)
  }
}
