// Patterns: the translation from PCRE to RE2, and that searching many lines at once finds what a search line by line finds.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ask, Answer } from '../../rules/asks.js'
import { compilePattern } from '../../rules/pattern.js'
import { parseRules } from '../../rules/parse-rules.js'
import { runRules } from '../../rules/run.js'
import { SeededRandom } from './random.js'

function found(pattern: string, text: string, caseSensitive = false): string | null {
  const result = compilePattern(pattern, caseSensitive, 'text')
  assert.ok('compiled' in result, `${pattern}: ${'message' in result ? result.message : ''}`)
  result.compiled.search.lastIndex = 0
  return result.compiled.search.exec(text)?.[0] ?? null
}

const MATCHES: [pattern: string, text: string, match: string | null][] = [
  ['\\h+', 'a \t\u00a0b', ' \t\u00a0'],
  ['\\Qa.b\\E+', 'xa.bb', 'a.bb'],
  ['(?#a comment)b', 'ab', 'b'],
  ['a{,3}', 'aaa{,3}', 'a{,3}'],
  ['[]x]+', 'a]x]', ']x]'],
  ['[^]x]+', ']abx', 'ab'],
  ['[a\\-z]+', 'b-az', '-az'],
  ['[a-\\d]+', 'b-a1', '-a1'],
  ['[[:alpha:]_]+', '1ab_2', 'ab_'],
  ['[[:^alpha:]]+', 'ab12cd', '12'],
  ['[^[:space:]]+', '  ab  ', 'ab'],
  ['\\x41\\x{42}\\103', 'abc', 'abc'],
  ['\\e\\cA', '\u001b\u0001', '\u001b\u0001'],
  ['é+', 'caFÉÉ', 'ÉÉ'],
  ['\\x{1F600}', 'a😀b', '😀'],
  ['😀+', '😀😀', '😀😀'],
  ['\\<b\\>', 'a<b>', '<b>'],
  ['\\bcat\\b', 'a cat.', 'cat'],
  ['(?i)CAT(?-i)', 'cat', 'cat'],
  ['(?<word>c)at', 'cat', 'cat'],
  ['[\\W]', 'aé', 'é'],
  ['[\\W]', 'k', null],
  ['\\d\\D\\s\\S\\w\\W', '1a b_-', '1a b_-'],
  ['[(?<x]+', 'a(?<', '(?<'],
  ['a\\/b', 'a/b', 'a/b'],
  ['\\p{Lu}', 'aÉ', 'É'],
  ['\\R', 'a\r\nb', '\r\n'],
  ['\\i\\y', 'iy', 'iy'],
]

for (const [pattern, text, match] of MATCHES) {
  test(`/${pattern}/ ${match === null ? 'is not found' : `finds ${JSON.stringify(match)}`} in ${JSON.stringify(text)}`, () => {
    assert.equal(found(pattern, text), match)
  })
}

const REFUSED: [pattern: string, offset: number, message: RegExp][] = [
  ['ab(?=c)', 2, /look-ahead/],
  ['(?<!a)b', 0, /look-behind/],
  ['(a)b\\1', 4, /back reference \\1/],
  ['a++', 1, /possessive a?\+\+|possessive \+\+/],
  ['(?>a)', 0, /atomic/],
  ['x[a-', 1, /closing "\]"/],
  ['[z-a]', 1, /backwards/],
  ['[:wbreak:]', 0, /only inside another/],
  ['[[:nothing:]]', 1, /not known/],
  ['abc\\', 3, /nothing after/],
  ['\\K', 0, /not supported/],
  ['(?x)a', 0, /option/],
  ['a{1001}', 1, /repetition/],
  ['(a', 0, /"\(" is not closed/],
  ['*a', 0, /repetition/],
]

for (const [pattern, offset, message] of REFUSED) {
  test(`/${pattern}/ is refused with its place`, () => {
    const result = compilePattern(pattern, false, 'line')
    assert.ok('message' in result, `${pattern} was taken`)
    assert.match(result.message, message)
    assert.equal(result.offset, offset)
  })
}

test('a pattern that stalls other engines answers at once', () => {
  const started = process.hrtime.bigint()
  assert.equal(found('(a+)+$', `${'a'.repeat(50_000)}!`), null)
  assert.ok(Number(process.hrtime.bigint() - started) / 1e6 < 500)
})

const ATOMS = ['a', 'b', '\\s', '\\S', '\\W', '\\w', '\\D', '[^a]', '[\\s\\S]', '[^\\w]', '[[:space:]]', '[[:^alpha:]]', '[\\x00-\\x20]', '.', '^', '$', '\\b', '\\B',
  '\\A', '\\z', '\\Z', '\\n', '\\h', '\\H', '\\v', '\\V', '\\R', '\\N', '\\P{L}', '[\\P{L}b]', '[^\\P{L}]', '(?s).', '(a|\\s)', ' ', '\\d?', '[\\n a]', '[^\\n]', '\\xA0'] // prettier-ignore
const REPEATS = ['', '', '', '*', '+', '?', '{1,2}', '*?']

/** What each line by itself gives: the first line with a match, and the match. */
function lineByLine(pattern: string, lines: readonly string[]): string | null {
  const result = compilePattern(pattern, false, 'text')
  if (!('compiled' in result)) return null
  for (const line of lines) {
    result.compiled.search.lastIndex = 0
    const match = result.compiled.search.exec(line)
    if (match) return match[0]
  }
  return null
}

/** MATCH after the pattern was searched for by a filter that has other patterns too, so that the prefilter works. */
function byFilter(pattern: string, lines: readonly string[], place: 'header' | 'body'): string | null {
  const options = place === 'header' ? ':h' : ':b'
  const others = ['zzz', 'yyy', 'xxx', 'qqq'].map(text => `/${text}/${options}\n`).join('')
  const { program } = parseRules(`${others}if (/${pattern}/${options})\n  echo "[$MATCH]\\c"\nexit\n`, 'property')
  if (!program) return null
  const headerLines = place === 'header' ? lines : ['Subject: x']
  const run = runRules([{ program, trust: 'user' }], {
    headerLines,
    sender: '',
    sizeBytes: 1,
    variables: new Map(),
    timeSeconds: 1,
  })
  const body = Buffer.from(lines.map(line => `${line}\n`).join(''))
  let step = run.next(undefined)
  while (!step.done) step = run.next(answerTo(step.value, body))
  return step.value.output === '' ? null : step.value.output.slice(1, -1)
}

function answerTo(ask: Ask, body: Buffer): Answer {
  return ask.ask === 'body' ? { bytes: body, nextByte: null } : undefined
}

test('a search over all lines at once finds what a search line by line finds', () => {
  const random = new SeededRandom(42)
  let matches = 0
  for (let count = 0; count < 1500; count++) {
    const pattern = Array.from({ length: 1 + random.below(4) }, () => random.pick(ATOMS) + random.pick(REPEATS)).join(
      '',
    )
    if (/^ |(?:\\[bBAzZ]|[\^$])[*+?{]/.test(pattern)) continue
    const lines = Array.from({ length: 1 + random.below(4) }, () =>
      random.text(['a', 'b', ' ', '\t', '-', 'é', '\v'], 4),
    )
    if (lines.every(line => line === '')) continue
    const expected = lineByLine(pattern, lines)
    if (expected !== null) matches++
    for (const place of ['header', 'body'] as const) {
      assert.equal(byFilter(pattern, lines, place), expected, `/${pattern}/ in ${JSON.stringify(lines)} (${place})`)
    }
  }
  assert.ok(matches > 300, `only ${matches} patterns matched anything`)
})
