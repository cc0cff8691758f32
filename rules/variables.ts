// The variables of a run: maildrop's defaults, then what is known of the message and its owner, then what scripts set.
// Remembers who set DEFAULT last, for a user's DEFAULT is confined like every path a user names.
import type { Facts } from './asks.js'
import type { Trust } from './program.js'

/** One variable, name and value, in characters. */
export const MAX_VARIABLE_LENGTH = 1024 * 1024
/** All of them. */
export const MAX_VARIABLES_LENGTH = 8 * MAX_VARIABLE_LENGTH

/** What maildrop sets whatever the environment says. */
const DEFAULTS: Readonly<Record<string, string>> = {
  LOCKEXT: '.lock',
  LOCKREFRESH: '15',
  LOCKSLEEP: '5',
  LOCKTIMEOUT: '60',
  MAILDIRQUOTA: '',
  PATH: '/bin:/usr/bin:/usr/local/bin',
  SENDMAIL: '/usr/sbin/sendmail -oi',
  SHELL: '/bin/sh',
  UMASK: '077',
}

export class Variables {
  readonly #values: Map<string, string>
  #totalLength: number
  #defaultSetBy: Trust = 'site'

  constructor(facts: Facts) {
    const known = { FROM: facts.sender, SIZE: String(facts.sizeBytes) }
    this.#values = new Map([...Object.entries(DEFAULTS), ...Object.entries(known), ...facts.variables])
    this.#totalLength = [...this.#values].reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  }

  get(name: string): string {
    return this.#values.get(name) ?? ''
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  /** False when the value, or all values together, would grow too large; then nothing is set. */
  set(name: string, value: string, trust: Trust): boolean {
    const added = name.length + value.length
    const removed = this.#values.has(name) ? name.length + this.get(name).length : 0
    const total = this.#totalLength + added - removed
    if (added > MAX_VARIABLE_LENGTH || (total > MAX_VARIABLES_LENGTH && added > removed)) return false
    this.#totalLength = total
    this.#values.set(name, value)
    if (name === 'DEFAULT') this.#defaultSetBy = trust
    return true
  }

  unset(name: string, trust: Trust): void {
    if (name === 'DEFAULT') this.#defaultSetBy = trust
    this.#totalLength -= this.#values.has(name) ? name.length + this.get(name).length : 0
    this.#values.delete(name)
  }

  get defaultSetBy(): Trust {
    return this.#defaultSetBy
  }

  snapshot(): ReadonlyMap<string, string> {
    return this.#values
  }
}
