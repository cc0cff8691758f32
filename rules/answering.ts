// Carries a run through a world: each Ask goes to the function of its name, its answer goes back. The world says what is
// done; this is only the loop.
import type { Answer, Answers, Ask, RulesResult, Run } from './asks.js'

export type World = {
  readonly [K in Ask['ask']]: (ask: Extract<Ask, { ask: K }>) => Answers[K] | Promise<Answers[K]>
}

export async function answering(run: Run<RulesResult>, world: World): Promise<RulesResult> {
  let step = run.next(undefined)
  while (!step.done) {
    const ask = step.value
    const answer = world[ask.ask] as (ask: Ask) => Answer | Promise<Answer>
    step = run.next(await answer(ask))
  }
  return step.value
}
