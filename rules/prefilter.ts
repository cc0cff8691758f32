// Which of a program's patterns occur in a text at all, found in one pass over it (RE2's set of patterns). Most rules
// of most filters match nothing in most mails, so the single searches are nearly all saved.
import RE2 from 're2'
import type { Pattern } from './ast.js'
import type { Compiled } from './pattern.js'

/** Below this the single searches cost no more. */
const MIN_PATTERNS = 4

export class Prefilter {
  readonly #indexes: number[] = []
  readonly #sources: string[] = []
  #set: InstanceType<typeof RE2.Set> | null = null
  #isBuilt = false

  add(pattern: Pattern, compiled: Compiled): void {
    this.#indexes.push(pattern.index)
    this.#sources.push(compiled.source)
  }

  /** The indexes of the patterns that occur; null when that is not known and each has to be searched for. */
  occurring(text: Buffer): ReadonlySet<number> | null {
    const set = this.#builtSet()
    if (set === null) return null
    try {
      return new Set(set.match(text).map(place => this.#indexes[place] ?? -1))
    } catch {
      // RE2 gives a set a fixed memory; patterns that overflow it are searched for one by one.
      return null
    }
  }

  #builtSet(): InstanceType<typeof RE2.Set> | null {
    if (this.#isBuilt) return this.#set
    this.#isBuilt = true
    if (this.#sources.length < MIN_PATTERNS) return null
    try {
      this.#set = new RE2.Set(this.#sources, 'm')
    } catch {
      this.#set = null
    }
    return this.#set
  }
}
