// Statements, one function per kind. Each does nothing itself but asks, and says whether the run goes on (null) or how
// it ended. What the world could not do is a Failure, which the nearest `exception` catches.
import type { OneValueStatement, Statement } from './ast.js'
import { asking, type Answers, type Run } from './asks.js'
import { Failure, MAX_FOREACH_MATCHES, MAX_INCLUDE_DEPTH, overrun } from './budget.js'
import type { Position } from './diagnostics.js'
import { printedText } from './functions.js'
import type { Captures } from './match.js'
import { exitCodeOf, isTrue } from './numbers.js'
import type { Script } from './program.js'
import { evaluate, findMatches, notCarriedOut, setMatchVariables } from './run-expressions.js'
import type { Ending, RunState } from './run-state.js'

type Node<K> = Extract<Statement, { kind: K }>

export function* runScript(run: RunState, script: Script): Run<Ending | null> {
  const outer = run.script
  run.script = script
  try {
    return yield* runAll(run, script.program.statements)
  } finally {
    run.script = outer
  }
}

function* runAll(run: RunState, statements: readonly Statement[]): Run<Ending | null> {
  for (const statement of statements) {
    const ending = yield* runStatement(run, statement)
    if (ending) return ending
  }
  return null
}

function* runStatement(run: RunState, statement: Statement): Run<Ending | null> {
  run.budget.step(statement.at)
  if (run.budget.isPauseDue()) yield* asking({ ask: 'pause' })
  switch (statement.kind) {
    case 'block':
      return yield* runAll(run, statement.statements)
    case 'if':
      return yield* runIf(run, statement)
    case 'while':
      return yield* runWhile(run, statement)
    case 'foreach':
      return yield* runForeach(run, statement)
    case 'exception':
      return yield* runException(run, statement)
    case 'exit':
      return { kind: 'exited', exitCode: exitCodeOf(run.variables.get('EXITCODE')) }
    case 'expression':
      yield* evaluate(run, statement.value)
      return null
    case 'dotlock':
    case 'flock':
      return notCarriedOut(statement.at, statement.kind)
    default: {
      const value = yield* evaluate(run, statement.value)
      return yield* ONE_VALUE[statement.kind](run, value, statement.at)
    }
  }
}

function* runIf(run: RunState, { branches, otherwise }: Node<'if'>): Run<Ending | null> {
  for (const { condition, body } of branches) {
    if (isTrue(yield* evaluate(run, condition))) return yield* runStatement(run, body)
  }
  return otherwise ? yield* runStatement(run, otherwise) : null
}

function* runWhile(run: RunState, { condition, body }: Node<'while'>): Run<Ending | null> {
  while (isTrue(yield* evaluate(run, condition))) {
    const ending = yield* runStatement(run, body)
    if (ending) return ending
  }
  return null
}

/** All matches are found before the first round: what the body does to the variables changes none of them. */
function* runForeach(run: RunState, { match, body, at }: Node<'foreach'>): Run<Ending | null> {
  const rounds: Captures[] = []
  yield* findMatches(run, match, captures => {
    if (rounds.length >= MAX_FOREACH_MATCHES) overrun(at, `foreach over more than ${MAX_FOREACH_MATCHES} matches`)
    rounds.push(captures)
    return 'go on'
  })
  for (const captures of rounds) {
    setMatchVariables(run, captures, at)
    const ending = yield* runStatement(run, body)
    if (ending) return ending
  }
  return null
}

/** Budgets and our own bugs are not caught: a loop that does not end must not go on. */
function* runException(run: RunState, { body }: Node<'exception'>): Run<Ending | null> {
  const { script, includeDepth } = run
  try {
    return yield* runStatement(run, body)
  } catch (error) {
    if (!(error instanceof Failure) || !error.canBeCaught) throw error
    Object.assign(run, { script, includeDepth })
    return null
  }
}

type OneValueHandler = (run: RunState, value: string, at: Position) => Run<Ending | null>

const ONE_VALUE: Readonly<Record<OneValueStatement, OneValueHandler>> = {
  to: runTo,
  cc: runCc,
  echo: runEcho,
  log: runLog,
  logfile: runLogfile,
  include: runInclude,
  import: runImport,
  unset: runUnset,
  system: (_run, _value, at) => notCarriedOut(at, 'system'),
  xfilter: (_run, _value, at) => notCarriedOut(at, 'xfilter'),
}

function* runTo(run: RunState, to: string, at: Position): Run<Ending | null> {
  yield* deliver(run, { to, statement: 'to', at })
  return { kind: 'delivered', exitCode: exitCodeOf(run.variables.get('EXITCODE')) }
}

function* runCc(run: RunState, to: string, at: Position): Run<null> {
  run.budget.countCopy(at)
  yield* deliver(run, { to, statement: 'cc', at })
  return null
}

type Delivery = { to: string; statement: 'to' | 'cc' | 'default'; at: Position | null }

/** $DEFAULT is confined like any path of a user's once a user's script has set it. */
export function* deliver(run: RunState, { to, statement, at }: Delivery): Run<void> {
  const trust = statement === 'default' ? run.variables.defaultSetBy : run.trust
  const variables = run.variables.snapshot()
  const answer = yield* asking({ ask: 'deliver', to, statement, trust, at, variables })
  if (!answer.delivered) throw new Failure({ outcome: answer.outcome, at }, true)
  if (answer.exitCode !== undefined) run.variables.set('EXITCODE', String(answer.exitCode), run.trust)
}

function* runEcho(run: RunState, value: string, at: Position): Run<null> {
  run.print(printedText(value), at)
  return null
}

function* runLog(run: RunState, value: string, at: Position): Run<null> {
  const text = printedText(value)
  run.budget.countLogLine(text, at)
  yield* asking({ ask: 'log', text, trust: run.trust, at })
  return null
}

function* runLogfile(run: RunState, path: string, at: Position): Run<null> {
  const answer = yield* asking({ ask: 'logfile', path, trust: run.trust, at })
  if (!answer.opened) throw new Failure({ outcome: answer.outcome, at }, true)
  return null
}

function* runInclude(run: RunState, fileName: string, at: Position): Run<Ending | null> {
  if (run.includeDepth >= MAX_INCLUDE_DEPTH) overrun(at, `include nested more than ${MAX_INCLUDE_DEPTH} deep`)
  const answer = yield* asking({ ask: 'include', fileName, trust: run.trust, at })
  const included = scriptIncluded(run, answer, at)
  run.includeDepth++
  const ending = yield* runScript(run, included)
  run.includeDepth--
  return ending
}

function scriptIncluded(run: RunState, answer: Answers['include'], at: Position): Script {
  if ('fault' in answer) throw new Failure({ fault: answer.fault }, true)
  if ('outcome' in answer) throw new Failure({ outcome: answer.outcome, at }, true)
  return { program: answer.program, trust: run.trust === 'user' ? 'user' : answer.trust }
}

function* runImport(run: RunState, name: string, at: Position): Run<null> {
  run.setVariable(name, run.facts.environment?.get(name) ?? '', at)
  return null
}

function* runUnset(run: RunState, name: string): Run<null> {
  run.variables.unset(name, run.trust)
  return null
}
