// Filters that are written to hold up the mail of others: what they may cost, at parsing and in the run.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ask, RulesResult } from '../../rules/asks.js'
import { formatFaults } from '../../rules/diagnostics.js'
import { MAX_SOURCE_LENGTH, parseRules } from '../../rules/parse-rules.js'
import { runRules } from '../../rules/run.js'

const PARSE_MS = 2000

const filled = (piece: string) => piece.repeat(Math.floor(MAX_SOURCE_LENGTH / piece.length))

for (const [claim, source] of [
  ['signs without a meaning', filled('\x01\n')],
  ['half a million of them', '\x01\n'.repeat(500_000)],
  ['broken patterns in conditions', 'if (/[/) { A=1 }\n'.repeat(4000)],
  ['broken patterns', filled('/[/\n')],
  ['else without if', filled('else\n')],
  ['braces that close nothing', filled('a=1 }\n')],
  ['references that are not closed', `A="${'${'.repeat(100_000)}"\n`],
  ['comments in a quote that is not closed', `"${'\\#'.repeat(130_000)}`],
  ['patterns', filled('/a/\n')],
  ['large patterns', '/[a-z]{1,1000}[a-z]{1,1000}/\n'.repeat(2000)],
  ['properties', '/\\p{L}{1,70}/\n'.repeat(2000)],
  ['classes in classes', `/[${'[.'.repeat(4900)}]/\n`.repeat(25)],
] as const) {
  test(`a file of ${claim} is refused at once, in a short report`, () => {
    const from = performance.now()
    const { program, faults } = parseRules(source, 'hostile')
    const report = formatFaults(faults, source)
    assert.ok(performance.now() - from < PARSE_MS, `${performance.now() - from} ms`)
    assert.ok(faults.length <= 20 && report.length <= 8 * 1024)
    if (program === null) assert.ok(report.length > 0)
  })
}

test('as many assignments as fit the file are read or refused, never a crash', () => {
  const { program, faults } = parseRules('a=1\n'.repeat(60_000), 'long')
  assert.equal(program, null)
  assert.match(faults[0]?.message ?? '', /more than \d+ words/)
  assert.deepEqual(parseRules('a=1\n'.repeat(14_000), 'long').faults, [])
})

test('a pattern whose bracket is not closed is shown at that bracket, without a hint about repeats', () => {
  const source = 'if (/^Subject: (hi/)\n  to "x"\n'
  const [fault] = parseRules(source, 'rules').faults
  assert.deepEqual([fault?.column, fault?.hint], [16, undefined])
  assert.match(parseRules('if (/a{1,2000}/)\n  to "x"\n', 'rules').faults[0]?.hint ?? '', /1000 at most/)
})

/** Carries a run out and counts its asks; `msPerLook` is what the clock goes forward each time it is read. */
function ran(source: string, msPerLook = 0): { result: RulesResult; asks: Ask[] } {
  const { program } = parseRules(source, 'hostile')
  assert.ok(program)
  let now = 0
  const facts = {
    headerLines: ['Subject: x'],
    sender: '',
    sizeBytes: 1,
    variables: new Map([['DEFAULT', 'x']]),
    timeSeconds: 1,
    clock: () => (now += msPerLook),
  }
  const run = runRules([{ program, trust: 'user' }], facts)
  const asks: Ask[] = []
  let step = run.next(undefined)
  while (!step.done) {
    asks.push(step.value)
    if (step.value.ask === 'pause') now += 60_000
    const answer =
      step.value.ask === 'deliver'
        ? ({ delivered: true } as const)
        : step.value.ask === 'logfile'
          ? ({ opened: true } as const)
          : undefined
    step = run.next(answer)
  }
  return { result: step.value, asks }
}

function faultOf(result: RulesResult): string {
  return result.kind === 'faulted' ? result.fault.message : result.kind
}

test('new patterns from variables use up the steps of a run', () => {
  const from = performance.now()
  const pattern = '/(a{1,500}$I){1,2}(b{1,300}){1,3}/'
  const { result } = ran(`I=0\nwhile (1) { I=$I+1\n if ("aaaaaaaaaaaaaaaaaaaa" =~ ${pattern}) { A=1 } }\n`)
  assert.match(faultOf(result), /steps/)
  assert.ok(performance.now() - from < 8000)
})

const GROWING = 'A="(((((((("\nwhile (length($A) < 250000)\n{\n  A="$A$A"\n}\n'

test('text that functions make uses up the steps of a run', () => {
  const from = performance.now()
  assert.match(faultOf(ran(`${GROWING}while (1)\n{\n  B=escape($A)\n}\n`).result), /steps/)
  assert.ok(performance.now() - from < 8000)
})

test('a long row of blanks is told from true at once', () => {
  const from = performance.now()
  const { result } = ran(`A="        "\nwhile (length($A) < 250000)\n{\n  A="$A$A"\n}\nA="\${A}x"\nif ($A)\n  exit\n`)
  assert.equal(result.kind, 'exited')
  assert.ok(performance.now() - from < 2000)
})

test('a run that works for ten seconds is stopped, and pauses every ten milliseconds; waiting does not count', () => {
  const { result, asks } = ran('I=0\nwhile ($I < 100000)\n{\n  I=$I+1\n}\n', 3)
  assert.match(faultOf(result), /worked for more than 10 seconds/)
  const pauses = asks.filter(({ ask }) => ask === 'pause').length
  assert.ok(pauses > 300, String(pauses))
  assert.notEqual(faultOf(ran('I=0\nwhile ($I < 20000)\n{\n  I=$I+1\n}\n').result), 'faulted')
})

test('log lines are bounded by their bytes', () => {
  const { result, asks } = ran(`${GROWING}logfile "l"\nwhile (1)\n{\n  log "$A"\n}\n`)
  assert.match(faultOf(result), /bytes of log lines/)
  const written = asks.reduce((sum, ask) => sum + (ask.ask === 'log' ? ask.text.length : 0), 0)
  assert.ok(written <= 1024 * 1024)
})

test('a pattern that is none is told of ten times in a run', () => {
  const { asks } = ran('I=0\nB="("\nwhile ($I < 50)\n{\n  I=$I+1\n  A="x" =~ /$I$B/\n}\n')
  assert.equal(asks.filter(({ ask }) => ask === 'warn').length, 10)
})
