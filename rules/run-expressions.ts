// Expressions into values, which are texts as in maildrop: numbers are read from them and written into them.
// One function per kind of node. Each evaluation is a step of the run's budget.
import type { Expression, MatchExpression, NumberOperator, Pattern, Segment, TextOperator } from './ast.js'
import { isAddressee } from './addresses.js'
import { asking, type Run } from './asks.js'
import { Failure, overrun } from './budget.js'
import { faultAt, type Position } from './diagnostics.js'
import { addressLines, escaped, lengthOf, substring, toLower, toUpper } from './functions.js'
import { isKnownAbsent, searchMessage, searchText, type Captures, type MatchTaker } from './match.js'
import { bitwise, complement, isTrue, numberOf, textOfNumber } from './numbers.js'
import type { Compiled } from './pattern.js'
import type { RunState } from './run-state.js'
import { MAX_VARIABLE_LENGTH } from './variables.js'

type Node<K> = Extract<Expression, { kind: K }>

export function* evaluate(run: RunState, expression: Expression): Run<string> {
  run.budget.step(expression.at)
  if (expression.kind === 'literal') return expression.value
  if (expression.kind === 'matchMessage' && isKnownAbsent(run, expression.pattern)) return '0'
  const value = yield* valueOf(run, expression)
  run.budget.work(value.length, expression.at)
  if (run.budget.isPauseDue()) yield* asking({ ask: 'pause' })
  return value
}

function* valueOf(run: RunState, expression: Exclude<Expression, { kind: 'literal' }>): Run<string> {
  switch (expression.kind) {
    case 'text':
      return yield* expand(run, expression.segments, expression.at)
    case 'concat':
      return yield* evaluateConcat(run, expression)
    case 'assign':
      return yield* evaluateAssign(run, expression)
    case 'matchMessage':
    case 'matchText':
      return yield* evaluateMatch(run, expression)
    case 'and':
    case 'or':
      return yield* evaluateLogical(run, expression)
    case 'not':
      return isTrue(yield* evaluate(run, expression.operand)) ? '0' : '1'
    case 'complement':
      return complement(yield* evaluate(run, expression.operand))
    case 'binary':
      return yield* evaluateBinary(run, expression)
    case 'call':
      return yield* evaluateCall(run, expression)
    case 'command':
      return notCarriedOut(expression.at, 'a command in back-ticks')
  }
}

export function notCarriedOut(at: Position, what: string): never {
  throw new Failure({ fault: faultAt(at, `${what} is not carried out`) }, false)
}

/** Text with its variables put in. */
function* expand(run: RunState, segments: readonly Segment[], at: Position): Run<string> {
  let text = ''
  for (const segment of segments) {
    if (typeof segment === 'string') text += segment
    else {
      if (segment.variable === 'LINES') yield* learnLines(run, at)
      text = joined(run, text, run.variables.get(segment.variable), at)
    }
  }
  return text
}

/** Counting the lines means reading the whole message: so only when somebody wants to know. */
function* learnLines(run: RunState, at: Position): Run<void> {
  if (run.variables.has('LINES')) return
  run.setVariable('LINES', String(yield* asking({ ask: 'lines' })), at)
}

function joined(run: RunState, left: string, right: string, at: Position): string {
  if (left.length + right.length > MAX_VARIABLE_LENGTH)
    overrun(at, `a text of more than ${MAX_VARIABLE_LENGTH} characters`)
  run.budget.work(right.length, at)
  return left + right
}

function* evaluateConcat(run: RunState, { parts, at }: Node<'concat'>): Run<string> {
  let text = ''
  for (const part of parts) text = joined(run, text, yield* evaluate(run, part), at)
  return text
}

function* evaluateAssign(run: RunState, { name, value, at }: Node<'assign'>): Run<string> {
  const text = yield* evaluate(run, value)
  run.setVariable(name, text, at)
  return text
}

/** The value is that of the side that decided, not just true or false. */
function* evaluateLogical(run: RunState, { kind, left, right }: Extract<Expression, { left: unknown }>): Run<string> {
  const value = yield* evaluate(run, left)
  return isTrue(value) === (kind === 'or') ? value : yield* evaluate(run, right)
}

const ON_NUMBERS: Readonly<Record<NumberOperator, (left: number, right: number) => number | boolean>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '|': (left, right) => bitwise(left, right, '|'),
  '&': (left, right) => bitwise(left, right, '&'),
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
  '==': (left, right) => left === right,
  '!=': (left, right) => left !== right,
}

const ON_TEXTS: Readonly<Record<TextOperator, (order: number) => boolean>> = {
  lt: order => order < 0,
  le: order => order <= 0,
  gt: order => order > 0,
  ge: order => order >= 0,
  eq: order => order === 0,
  ne: order => order !== 0,
}

function* evaluateBinary(run: RunState, { operator, left, right, at }: Node<'binary'>): Run<string> {
  const leftText = yield* evaluate(run, left)
  const rightText = yield* evaluate(run, right)
  run.budget.work(leftText.length + rightText.length, at)
  if (isTextOperator(operator)) {
    return ON_TEXTS[operator](Buffer.compare(Buffer.from(leftText), Buffer.from(rightText))) ? '1' : '0'
  }
  return textOfNumber(Number(ON_NUMBERS[operator](numberOf(leftText), numberOf(rightText))))
}

function isTextOperator(operator: string): operator is TextOperator {
  return Object.hasOwn(ON_TEXTS, operator)
}

/** Functions go over their text character by character, which takes about so much longer than copying it. */
const PASSES_PER_CALL = 8

function* evaluateCall(run: RunState, { name, arguments: args, at }: Node<'call'>): Run<string> {
  const values: string[] = []
  for (const argument of args) values.push(yield* evaluate(run, argument))
  const [first = '', second = '', third] = values
  const searched = name === 'hasaddr' ? (run.message.topHeader?.length ?? 0) : 0
  run.budget.work((first.length + searched) * PASSES_PER_CALL, at)
  switch (name) {
    case 'length':
      return lengthOf(first)
    case 'substr':
      return substring(first, second, third)
    case 'tolower':
      return toLower(first)
    case 'toupper':
      return toUpper(first)
    case 'escape':
      return escaped(first)
    case 'getaddr':
      return addressLines(first)
    case 'hasaddr':
      return isAddressee(first, run.message.headerLines) ? '1' : '0'
    case 'time':
      return String(run.facts.timeSeconds)
    default:
      return notCarriedOut(at, name)
  }
}

/** 1 or 0; with weights the sum over all matching lines. The match goes into MATCH, its groups into MATCH1, MATCH2 … */
function* evaluateMatch(run: RunState, expression: MatchExpression): Run<string> {
  const { weight } = expression.pattern.options
  let score = 0
  let next = weight?.first ?? 1
  const unweighted: Captures[] = []
  yield* findMatches(run, expression, found => {
    run.budget.step(expression.at)
    score += next
    next *= weight?.factor ?? 1
    if (weight) return 'go on'
    unweighted.push(found)
    return 'stop'
  })
  for (const captures of unweighted) setMatchVariables(run, captures, expression.at)
  return textOfNumber(score)
}

export function setMatchVariables(run: RunState, captures: Captures, at: Position): void {
  run.budget.work(
    captures.reduce((sum, text) => sum + text.length, 0),
    at,
  )
  captures.forEach((text, group) => run.setVariable(group === 0 ? 'MATCH' : `MATCH${group}`, text, at))
}

/** Tells `take` of the matches, in the message or in the text before `=~`. */
export function* findMatches(run: RunState, expression: MatchExpression, take: MatchTaker): Run<void> {
  const { pattern, kind } = expression
  const subject = kind === 'matchText' ? yield* evaluate(run, expression.subject) : null
  const compiled = run.program.patterns[pattern.index] ?? (yield* compileWithVariables(run, pattern, kind))
  if (compiled === null) return
  if (subject === null) {
    yield* searchMessage(run, pattern, compiled, take)
    return
  }
  run.budget.work(subject.length, pattern.at)
  searchText(subject, compiled, take)
}

/** Text from a mail can make a pattern that is none: that is no match, and no reason to hold the mail back. */
function* compileWithVariables(run: RunState, pattern: Pattern, kind: MatchExpression['kind']): Run<Compiled | null> {
  const text = yield* expand(run, pattern.segments, pattern.at)
  const target = kind === 'matchText' ? 'text' : 'line'
  const onNew = (size: number) => {
    run.budget.compile(size, pattern.at)
  }
  const result = run.program.variablePatterns.compile(text, pattern.options.caseSensitive, target, onNew)
  if ('compiled' in result) return result.compiled
  if (!run.budget.countWarning()) return null
  yield* asking({
    ask: 'warn',
    fault: faultAt(pattern.at, `with its variables put in: ${result.message}`, result.hint),
  })
  return null
}
