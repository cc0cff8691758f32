// What handlers share while filters run for one message and recipient: variables, the message, what was used up, and
// whose script is running.
import type { Facts } from './asks.js'
import { Budget, MAX_OUTPUT_LENGTH, overrun } from './budget.js'
import type { Position } from './diagnostics.js'
import { MessageText } from './message-text.js'
import type { Program, Script, Trust } from './program.js'
import { Variables } from './variables.js'

/** How a script ends the run of its own accord. */
export type Ending = { readonly kind: 'delivered' | 'exited'; readonly exitCode: number }

export class RunState {
  readonly facts: Facts
  readonly variables: Variables
  readonly budget: Budget
  message: MessageText
  /** The script that is running now. */
  script: Script
  includeDepth = 0
  #output = ''

  constructor(facts: Facts, script: Script) {
    this.facts = facts
    this.budget = new Budget(facts.clock ?? (() => 0))
    this.variables = new Variables(facts)
    this.message = new MessageText(facts)
    this.script = script
  }

  get program(): Program {
    return this.script.program
  }

  get trust(): Trust {
    return this.script.trust
  }

  get output(): string {
    return this.#output
  }

  print(text: string, at: Position): void {
    const room = MAX_OUTPUT_LENGTH - this.#output.length
    this.#output += text.slice(0, room)
    if (text.length > room) overrun(at, `echo wrote more than ${MAX_OUTPUT_LENGTH} characters`)
  }

  setVariable(name: string, value: string, at: Position): void {
    if (!this.variables.set(name, value, this.trust)) overrun(at, `the variable ${name} grows too large`)
  }
}
