// Tokens into expressions, lowest precedence first. Each function stands under the grammar it reads.
import type { BinaryOperator, Expression, FunctionName, MatchExpression, Pattern } from './ast.js'
import type { TokenKind } from './lexer.js'
import { patternOptionsOf } from './pattern-options.js'
import { segmentsOf } from './substitution.js'
import { MAX_CHAIN, type TokenReader } from './token-reader.js'

const COMPARISONS: ReadonlySet<TokenKind> = new Set(
  ['<', '<=', '>', '>=', '==', '!=', 'lt', 'le', 'gt', 'ge', 'eq', 'ne'] as const, // prettier-ignore
)
/** How many arguments a function takes; those with `parentheses` take them between parentheses, with commas. */
const FUNCTIONS: Readonly<Record<FunctionName, { least: number; most: number; parentheses: boolean }>> = {
  length: { least: 1, most: 1, parentheses: false },
  substr: { least: 2, most: 3, parentheses: true },
  tolower: { least: 1, most: 1, parentheses: false },
  toupper: { least: 1, most: 1, parentheses: false },
  escape: { least: 1, most: 1, parentheses: false },
  getaddr: { least: 1, most: 1, parentheses: false },
  hasaddr: { least: 1, most: 1, parentheses: false },
  time: { least: 0, most: 0, parentheses: false },
  lookup: { least: 2, most: 3, parentheses: true },
  gdbmopen: { least: 1, most: 2, parentheses: true },
  gdbmclose: { least: 0, most: 0, parentheses: false },
  gdbmfetch: { least: 1, most: 3, parentheses: true },
  gdbmstore: { least: 2, most: 2, parentheses: true },
}

// expression = or [ "=" or ]
export function parseExpression(reader: TokenReader): Expression {
  return reader.nested(() => {
    const left = parseOr(reader)
    if (reader.kind !== '=') return left
    if (left.kind !== 'text') reader.fail('expected a variable name before "="', 'write NAME="value", without "$"')
    reader.take()
    const assigned: Expression = { kind: 'assign', name: left.raw, value: parseOr(reader), at: left.at }
    if (reader.isAt('=')) reader.fail('an assignment has no second "="', 'to compare, write "==" or "eq"')
    return assigned
  })
}

// or = and { "||" and }
function parseOr(reader: TokenReader): Expression {
  return parseChain(reader, parseAnd, ['||'], (left, right) => ({ kind: 'or', left, right, at: left.at }))
}

// and = comparison { "&&" comparison }
function parseAnd(reader: TokenReader): Expression {
  return parseChain(reader, parseComparison, ['&&'], (left, right) => ({ kind: 'and', left, right, at: left.at }))
}

// comparison = bitOr [ ( "<" | "<=" | … | "eq" | "ne" ) bitOr ]
function parseComparison(reader: TokenReader): Expression {
  const left = parseBitOr(reader)
  if (!COMPARISONS.has(reader.kind)) return left
  const operator = reader.take().kind as BinaryOperator
  const right = parseBitOr(reader)
  if (COMPARISONS.has(reader.kind)) reader.fail('comparisons do not chain', 'put one of them in parentheses')
  return { kind: 'binary', operator, left, right, at: left.at }
}

// bitOr = bitAnd { "|" bitAnd }
function parseBitOr(reader: TokenReader): Expression {
  return parseChain(reader, parseBitAnd, ['|'], binary)
}

// bitAnd = sum { "&" sum }
function parseBitAnd(reader: TokenReader): Expression {
  return parseChain(reader, parseSum, ['&'], binary)
}

// sum = product { ( "+" | "-" ) product }
function parseSum(reader: TokenReader): Expression {
  return parseChain(reader, parseProduct, ['+', '-'], binary)
}

// product = match { ( "*" | "/" ) match }
function parseProduct(reader: TokenReader): Expression {
  return parseChain(reader, parseMatch, ['*', '/'], binary)
}

// match = element { "=~" pattern }
function parseMatch(reader: TokenReader): Expression {
  let subject = parseElement(reader)
  for (let length = 0; reader.accept('=~'); length++) {
    if (length > MAX_CHAIN) reader.fail(`more than ${MAX_CHAIN} operators in a row`)
    if (reader.kind !== 'pattern') reader.fail(`expected a /pattern/ after "=~", found ${reader.found()}`)
    subject = { kind: 'matchText', subject, pattern: parsePattern(reader), at: subject.at }
  }
  return subject
}

// element = pattern | "(" expression ")" | ( "!" | "~" ) element | function | text { text }
function parseElement(reader: TokenReader): Expression {
  return reader.nested(() => {
    const { kind, at } = reader
    if (kind === 'pattern') return { kind: 'matchMessage', pattern: parsePattern(reader), at }
    if (isFunction(kind)) return parseCall(reader, kind)
    if (kind === '(') return parseParenthesis(reader)
    if (kind === '!' || kind === '~') {
      reader.take()
      return { kind: kind === '!' ? 'not' : 'complement', operand: parseElement(reader), at }
    }
    return parseText(reader)
  })
}

function parseParenthesis(reader: TokenReader): Expression {
  reader.take()
  const inner = parseExpression(reader)
  reader.expect(')', 'to close the "("')
  return inner
}

// function = name element | name "(" expression { "," expression } ")" | name
function parseCall(reader: TokenReader, name: FunctionName): Expression {
  const { at } = reader.take()
  const { least, most, parentheses } = FUNCTIONS[name]
  if (most === 0) return { kind: 'call', name, arguments: [], at }
  if (!parentheses) return { kind: 'call', name, arguments: [parseElement(reader)], at }
  reader.expect('(', `after ${name}`)
  const args = [parseExpression(reader)]
  while (args.length < most && reader.accept(',')) args.push(parseExpression(reader))
  if (args.length < least) reader.expect(',', `after argument ${args.length} of ${name}`)
  reader.expect(')', `after the arguments of ${name}`)
  return { kind: 'call', name, arguments: args, at }
}

// text = ( "double-quoted" | bare | 'single-quoted' | `command` ) …   (in a row: one text)
function parseText(reader: TokenReader): Expression {
  const { at } = reader
  const parts: Expression[] = []
  for (let part = acceptTextPart(reader); part !== null; part = acceptTextPart(reader)) parts.push(part)
  const [first, second] = parts
  if (first === undefined)
    reader.fail(`expected a text, a pattern or a function, found ${reader.found()}`, hintFor(reader))
  return second === undefined ? first : { kind: 'concat', parts, at }
}

function acceptTextPart(reader: TokenReader): Expression | null {
  const { kind, text, at } = reader.token
  if (kind !== 'text' && kind !== 'bare' && kind !== 'literal' && kind !== 'command') return null
  reader.take()
  if (kind === 'literal') return { kind, value: text, at }
  if (kind === 'command') return { kind, command: text, at }
  return { kind: 'text', segments: segmentsOf(text), raw: text, at }
}

function hintFor(reader: TokenReader): string | undefined {
  if (/^[a-z]+$/.test(reader.token.text))
    return `"${reader.token.text}" is a word of the language: as text it needs quotes`
  return reader.kind === '/' ? 'a pattern does not begin with a blank: write /[ ].../' : undefined
}

/** The pattern token here, which the caller has seen. */
export function parsePattern(reader: TokenReader): Pattern {
  const { text, at } = reader.take()
  const close = text.lastIndexOf('/')
  const colon = /^\/((?:[^/\\]|\\[^])*)\//.exec(text)
  const source = colon?.[1] ?? text.slice(1, close)
  const options = text.slice(source.length + 2).replace(/^:/, '')
  return { segments: segmentsOf(source), options: patternOptionsOf(options), at, index: reader.nextPatternIndex() }
}

export function isMatch(expression: Expression): expression is MatchExpression {
  return expression.kind === 'matchMessage' || expression.kind === 'matchText'
}

function isFunction(kind: TokenKind): kind is FunctionName {
  return Object.hasOwn(FUNCTIONS, kind)
}

function binary(left: Expression, right: Expression, operator: TokenKind): Expression {
  return { kind: 'binary', operator: operator as BinaryOperator, left, right, at: left.at }
}

function parseChain(
  reader: TokenReader,
  operand: (reader: TokenReader) => Expression,
  operators: readonly TokenKind[],
  join: (left: Expression, right: Expression, operator: TokenKind) => Expression,
): Expression {
  let left = operand(reader)
  for (let length = 0; operators.includes(reader.kind); length++) {
    if (length > MAX_CHAIN) reader.fail(`more than ${MAX_CHAIN} operators in a row`)
    const operator = reader.take().kind
    left = join(left, operand(reader), operator)
  }
  return left
}
