// Runs a recipient's filters: the site's, then the user's, then $DEFAULT. A generator that asks the world and does
// nothing itself (asks.ts). Whatever happens in a filter ends as a RulesResult; what is thrown is a bug of ours.
import type { Facts, RulesResult, Run } from './asks.js'
import { Failure } from './budget.js'
import { exitCodeOf } from './numbers.js'
import type { Script } from './program.js'
import { parseRules } from './parse-rules.js'
import { deliver, runScript } from './run-statements.js'
import { RunState } from './run-state.js'

/** What runs where nobody wrote a filter. */
const NO_RULES = parseRules('', 'no rules').program!

export function* runRules(scripts: readonly Script[], facts: Facts): Run<RulesResult> {
  const run = new RunState(facts, { program: NO_RULES, trust: 'site' })
  const { budget } = run
  const inner = runAll(run, scripts)
  budget.resume()
  let step = inner.next(undefined)
  while (!step.done) {
    budget.suspend()
    const answer = yield step.value
    budget.resume()
    step = inner.next(answer)
  }
  return step.value
}

function* runAll(run: RunState, scripts: readonly Script[]): Run<RulesResult> {
  try {
    for (const script of scripts) {
      const ending = yield* runScript(run, script)
      if (ending) return { ...ending, output: run.output }
    }
    return yield* deliverToDefault(run)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return { ...resultOf(error), output: run.output }
  }
}

function* deliverToDefault(run: RunState): Run<RulesResult> {
  const to = run.variables.get('DEFAULT')
  if (to === '') {
    const outcome = { kind: 'misconfigured', text: 'the filter leaves no DEFAULT mailbox' } as const
    throw new Failure({ outcome, at: null }, false)
  }
  yield* deliver(run, { to, statement: 'default', at: null })
  return { kind: 'delivered', exitCode: exitCodeOf(run.variables.get('EXITCODE')), output: run.output }
}

function resultOf({ reason }: Failure) {
  if ('fault' in reason) return { kind: 'faulted', fault: reason.fault } as const
  return { kind: 'failed', outcome: reason.outcome, at: reason.at } as const
}
