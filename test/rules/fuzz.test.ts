// Broken filters: whatever the file holds, parsing gives a program or faults with places, quickly, and never throws.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { formatFault } from '../../rules/diagnostics.js'
import { parseRules } from '../../rules/parse-rules.js'
import { runRules } from '../../rules/run.js'
import { readCases } from './case-format.js'
import { SeededRandom } from './random.js'

const FUZZ_MS = 2500
const PIECES = [
  'if (', ')', '{', '}', '\n', '\n', ' ', '"', "'", '`', '\\', '/', '/x/', '/(/', '/[/', ':b', '=~', '=', '$A', '${', '#', ';', 'to ', 'else\n', 'elsif (',
  'while (', 'foreach ', 'exception {', '!', '~', '+ ', '- ', '&&', '||', '< ', 'lt ', 'length', 'substr(', ',', 'échö', '\0', '\r\n', 'exit', '0', 'A=',
] // prettier-ignore

function sources(): string[] {
  return readCases().map(theCase => theCase.sections.get('rules') ?? '')
}

/** One mutation: something put in, taken out or doubled. */
function mutated(source: string, random: SeededRandom): string {
  const at = random.below(source.length + 1)
  const length = random.below(8)
  switch (random.below(3)) {
    case 0:
      return source.slice(0, at) + random.pick(PIECES) + source.slice(at)
    case 1:
      return source.slice(0, at) + source.slice(at + length)
    default:
      return source.slice(0, at) + source.slice(Math.max(0, at - length))
  }
}

function checkSound(source: string): void {
  const { program, faults } = parseRules(source, 'fuzz')
  assert.equal(program === null, faults.length > 0, source)
  const lines = source.split(/\r\n?|\n/)
  for (const fault of faults) {
    assert.ok(fault.line >= 1 && fault.line <= lines.length + 1, `line ${fault.line} of ${JSON.stringify(source)}`)
    assert.ok(fault.column >= 1 && fault.column <= (lines[fault.line - 1] ?? '').length + 1, formatFault(fault, source))
  }
  if (program) runToEnd(program)
}

function runToEnd(program: NonNullable<ReturnType<typeof parseRules>['program']>): void {
  const facts = {
    headerLines: ['Subject: x'],
    sender: '',
    sizeBytes: 1,
    variables: new Map([['DEFAULT', 'x']]),
    timeSeconds: 1,
  }
  const run = runRules([{ program, trust: 'user' }], facts)
  let step = run.next(undefined)
  for (let asks = 0; !step.done && asks < 200; asks++) {
    const { ask } = step.value
    if (ask === 'deliver') step = run.next({ delivered: false, outcome: { kind: 'tryLater', text: 'no' } })
    else if (ask === 'body') step = run.next({ bytes: Buffer.from('one\ntwo\n'), nextByte: null })
    else if (ask === 'include') step = run.next({ program, trust: 'site' })
    else if (ask === 'logfile') step = run.next({ opened: true })
    else step = run.next(ask === 'lines' ? 3 : undefined)
  }
}

test('no mutation of a filter makes the parser or a run throw', () => {
  const random = new SeededRandom(20261)
  const seeds = sources()
  const until = Date.now() + FUZZ_MS
  let count = 0
  for (; Date.now() < until || count < 500; count++) {
    let source = random.pick(seeds)
    for (let mutations = 1 + random.below(4); mutations > 0; mutations--) source = mutated(source, random)
    if (!/while|include/.test(source)) checkSound(source)
    else assert.doesNotThrow(() => parseRules(source, 'fuzz'), source)
  }
})

test('text that was never a filter gives faults or a program, never an exception', () => {
  const random = new SeededRandom(7)
  for (let count = 0; count < 3000; count++) {
    const source = random.text(PIECES, 30)
    assert.doesNotThrow(() => parseRules(source, 'fuzz'), JSON.stringify(source))
  }
})

test('a filter nested ten thousand deep is refused, not a crash', () => {
  for (const source of [
    '('.repeat(10_000),
    '{\n'.repeat(10_000),
    'if (1)\n'.repeat(10_000),
    `A=${'!'.repeat(10_000)}1`,
  ]) {
    const { program, faults } = parseRules(source, 'deep')
    assert.equal(program, null)
    assert.ok(faults.length >= 1 && faults.length <= 20)
  }
  const chain = parseRules(`A=${Array(10_000).fill('1').join(' + ')}`, 'chain')
  assert.match(chain.faults[0]?.message ?? '', /operators in a row/)
})

test('two thousand elsif in a row are no nesting', () => {
  const source = `if (0)\n  A=1\n${'elsif (0)\n  A=1\n'.repeat(2000)}else\n  to "last"\n`
  assert.deepEqual(parseRules(source, 'long').faults, [])
})

test('the shipped filter is sound', () => {
  const source = readFileSync(new URL('../../../maildroprc', import.meta.url), 'utf8')
  const { program, faults, warnings } = parseRules(source, 'maildroprc')
  assert.ok(program)
  assert.deepEqual([faults, warnings], [[], []])
})
