// What a run asks of the world, and with what: pieces of a large body, the trust of each path, pauses, budgets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answering, type World } from '../../rules/answering.js'
import type { Ask, Facts, RulesResult } from '../../rules/asks.js'
import { formatFault } from '../../rules/diagnostics.js'
import { parseRules } from '../../rules/parse-rules.js'
import type { Program, Script, Trust } from '../../rules/program.js'
import { runRules } from '../../rules/run.js'

function programOf(source: string, fileName = 'rules'): Program {
  const { program, faults } = parseRules(source, fileName)
  assert.ok(program, faults.map(fault => formatFault(fault, source)).join('\n'))
  return program
}

const userScript = (source: string): Script => ({ program: programOf(source), trust: 'user' })

const FACTS: Facts = {
  headerLines: ['Subject: hello', 'X-Latin: caf\u00e9'],
  sender: '',
  sizeBytes: 10,
  variables: new Map([['DEFAULT', 'inbox']]),
  timeSeconds: 1_700_000_000,
}

/** A world that writes down what it was asked and says yes. */
function recordingWorld(changes: Partial<World> = {}): { world: World; asks: Ask[] } {
  const asks: Ask[] = []
  const yes: World = {
    deliver: () => ({ delivered: true }),
    body: () => ({ bytes: Buffer.alloc(0), nextByte: null }),
    lines: () => 3,
    log: () => undefined,
    logfile: () => ({ opened: true }),
    include: () => ({ outcome: { kind: 'misconfigured', text: 'not there' } }),
    warn: () => undefined,
    pause: () => undefined,
  }
  const answers = { ...yes, ...changes }
  const recorded = Object.entries(answers).map(([name, answer]) => [
    name,
    (ask: Ask) => {
      asks.push(ask)
      return (answer as (ask: Ask) => unknown)(ask)
    },
  ])
  return { world: Object.fromEntries(recorded) as World, asks }
}

async function carriedOut(
  scripts: Script[],
  changes: Partial<World> = {},
  facts = FACTS,
): Promise<{ result: RulesResult; asks: Ask[] }> {
  const { world, asks } = recordingWorld(changes)
  return { result: await answering(runRules(scripts, facts), world), asks }
}

/** A body in pieces of one line each. */
function bodyOf(lines: readonly (string | Buffer)[]): Partial<World> {
  return {
    body: ({ fromByte }) => {
      const nextByte = fromByte + 1 < lines.length ? fromByte + 1 : null
      return { bytes: Buffer.concat([Buffer.from(lines[fromByte] ?? ''), Buffer.from('\n')]), nextByte }
    },
  }
}

const countOf = (asks: readonly Ask[], name: Ask['ask']) => asks.filter(({ ask }) => ask === name).length

test('a large body is read once however many patterns do not occur in it', async () => {
  const rules = Array.from({ length: 10 }, (_, index) => `if (/nothing${index}/:b)\n  to "found"\n`).join('')
  const { asks } = await carriedOut([userScript(rules)], bodyOf(['one', 'two', 'three', 'four']))
  assert.equal(countOf(asks, 'body'), 4)
})

test('a pattern that occurs in a late piece of the body is found there', async () => {
  const rules = `${Array.from({ length: 5 }, (_, index) => `/nothing${index}/:b\n`).join('')}if (/^thr(.*)/:b)\n  to "$MATCH1"\n`
  const { asks } = await carriedOut([userScript(rules)], bodyOf(['one', 'two', 'three', 'four']))
  assert.ok(asks.some(ask => ask.ask === 'deliver' && ask.to === 'ee'))
  // Four pieces for the first pattern, and the third once more.
  assert.equal(countOf(asks, 'body'), 5)
})

test('a filter without body patterns never asks for the body', async () => {
  const { asks } = await carriedOut([userScript('if (/^Subject: hello/)\n  to "found"\n')])
  assert.deepEqual(
    asks.map(({ ask }) => ask),
    ['deliver'],
  )
})

test('a body in latin-1 is searched as the text it is', async () => {
  const latin1 = Buffer.from('un café noir', 'latin1')
  const { asks } = await carriedOut([userScript('/caf(.) noir/:b\nto "box-$MATCH1"\n')], bodyOf([latin1]))
  assert.ok(asks.some(ask => ask.ask === 'deliver' && ask.to === 'box-é'))
})

test('every path carries the trust of the script that names it', async () => {
  const files: Record<string, { source: string; trust: Trust }> = {
    'site-part': { source: 'cc "from-site-part"\n', trust: 'site' },
    'home-part': { source: 'cc "from-home-part"\n', trust: 'user' },
  }
  const site: Script = {
    program: programOf('include "site-part"\ninclude "home-part"\ncc "from-site"\nlogfile "site.log"\n'),
    trust: 'site',
  }
  const user = userScript('include "site-part"\nlogfile "user.log"\nto "from-user"\n')
  const { asks } = await carriedOut([site, user], {
    include: ({ fileName }) => {
      const file = files[fileName]!
      return { program: programOf(file.source, fileName), trust: file.trust }
    },
  })
  const trusts = asks.flatMap(ask =>
    ask.ask === 'deliver' ? [`${ask.to} ${ask.trust}`] : ask.ask === 'logfile' ? [`${ask.path} ${ask.trust}`] : [],
  )
  assert.deepEqual(trusts, [
    'from-site-part site',
    'from-home-part user',
    'from-site site',
    'site.log site',
    // What a user's script includes is the user's, whoever owns the file.
    'from-site-part user',
    'user.log user',
    'from-user user',
  ])
})

test("the default delivery is the user's from the moment a user's script sets DEFAULT", async () => {
  const trustOf = async (scripts: Script[]) => {
    const { asks } = await carriedOut(scripts)
    return asks.map(ask => (ask.ask === 'deliver' ? ask.trust : ask.ask))
  }
  assert.deepEqual(await trustOf([]), ['site'])
  assert.deepEqual(await trustOf([{ program: programOf('DEFAULT="/box"\n'), trust: 'site' }]), ['site'])
  assert.deepEqual(await trustOf([userScript('DEFAULT="/etc/passwd"\n')]), ['user'])
})

test('a delivery is asked for with the variables as they stand', async () => {
  const { asks } = await carriedOut([userScript('FLAGS="S"\ncc "one"\nFLAGS="F"\nto "two"\n')], {
    deliver: ({ to, variables }) => {
      assert.equal(variables.get('FLAGS'), to === 'one' ? 'S' : 'F')
      return { delivered: true }
    },
  })
  assert.equal(countOf(asks, 'deliver'), 2)
})

test('the exit code of a delivering program becomes EXITCODE', async () => {
  const { result } = await carriedOut([userScript('cc "|program"\necho "ended with $EXITCODE"\nto "inbox"\n')], {
    deliver: ({ to }) => (to === '|program' ? { delivered: true, exitCode: 3 } : { delivered: true }),
  })
  assert.deepEqual(result, { kind: 'delivered', exitCode: 3, output: 'ended with 3\n' })
})

test('a failed default delivery is the outcome of the run', async () => {
  const outcome = { kind: 'mailboxFull', text: 'full' } as const
  const { result } = await carriedOut([], { deliver: () => ({ delivered: false, outcome }) })
  assert.deepEqual(result, { kind: 'failed', outcome, at: null, output: '' })
})

test('an empty DEFAULT is a fault of the settings, not a lost mail', async () => {
  const { result } = await carriedOut([userScript('DEFAULT=""\n')])
  assert.equal(result.kind === 'failed' && result.outcome.kind, 'misconfigured')
})

test('LINES is asked for once, and only when it is read', async () => {
  const { asks, result } = await carriedOut([userScript('echo "$LINES and $LINES"\n')])
  assert.equal(countOf(asks, 'lines'), 1)
  assert.equal(result.output, '3 and 3\n')
})

test('time is a fact of the run', async () => {
  const { result } = await carriedOut([userScript('echo time\nexit\n')])
  assert.equal(result.output, '1700000000\n')
})

test('a long run pauses now and then, so that other mail is served', async () => {
  const { asks } = await carriedOut([userScript('N=0\nwhile ($N < 20000)\n{\n  N=$N + 1\n}\n')])
  assert.ok(countOf(asks, 'pause') >= 3)
})

for (const [claim, rules, message] of [
  [
    'a loop that writes without end',
    'while (1)\n{\n  echo "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"\n}\n',
    /echo wrote more than/,
  ],
  ['a loop that logs without end', 'while (1)\n{\n  log "x"\n}\n', /log lines/],
  ['a loop that copies the mail without end', 'while (1)\n{\n  cc "x"\n}\n', /copies/],
  ['a text that doubles without end', 'A="x"\nwhile (1)\n{\n  A="$A$A"\n}\n', /grows too large|a text of more than/],
  [
    'variables without end',
    'A="xxxxxxxxxx"\nwhile (length($A) < 500000)\n{\n  A="$A$A"\n}\nB=$A; C=$A; D=$A; E=$A; F=$A; G=$A; H=$A; I=$A; J=$A; K=$A; L=$A; M=$A; N=$A\n',
    /too large/,
  ],
  ['a search repeated without end', 'while (/x{1,1000}y/:hb == 0)\n{\n  A=1\n}\n', /steps/],
] as [string, string, RegExp][]) {
  test(`${claim} is stopped, with its place`, async () => {
    const { result } = await carriedOut([userScript(`exception {\n${rules}}\n`)], bodyOf(['x'.repeat(100_000)]))
    assert.ok(result.kind === 'faulted', result.kind)
    assert.match(result.fault.message, message)
    assert.equal(result.fault.fileName, 'rules')
  })
}

test('a fault is shown with its line and a caret below its column, tabs or not', () => {
  const source = 'if (1)\n\t\tto "a" "b" +\n'
  const [fault] = parseRules(source, '.mailfilter').faults
  assert.ok(fault)
  assert.equal(
    formatFault(fault, source),
    '.mailfilter:2:15: expected a text, a pattern or a function, found the end of the line\n  \t\tto "a" "b" +\n  \t\t            ^',
  )
})

test('one program serves two runs at a time', async () => {
  const script = userScript('/^Subject: (.*)/\ncc "one-$MATCH1"\nif (/^X-Who: (.*)/)\n  to "two-$MATCH1"\n')
  const runs = ['joe', 'ann'].map(who =>
    runRules([script], { ...FACTS, headerLines: [`Subject: for ${who}`, `X-Who: ${who}`] }),
  )
  const firsts = runs.map(run => run.next(undefined))
  const seconds = runs.map(run => run.next({ delivered: true }))
  const targets = [...firsts, ...seconds].map(({ value }) =>
    'ask' in value && value.ask === 'deliver' ? value.to : '',
  )
  assert.deepEqual(targets, ['one-for joe', 'one-for ann', 'two-joe', 'two-ann'])
})
