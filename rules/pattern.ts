// A pattern ready to search: parsed options and RE2. One for the lines of a message, one for a single text (`=~`).
// Constant patterns are compiled once per program; those with variables when their text is known, and kept while it stays.
import RE2 from 're2'
import type { Pattern } from './ast.js'
import { faultAt, type Fault } from './diagnostics.js'
import { constantText } from './substitution.js'
import { translate } from './pattern-translation.js'
import type { TranslationTarget } from './pattern-escape.js'
import { sizeOf } from './pattern-size.js'

/** A translated pattern that RE2 took. `search` keeps the place of its next search: one search at a time. */
export type Compiled = {
  readonly source: string
  readonly search: RE2
  /** As pattern-size.ts tells it. */ readonly size: number
}

export type CompileResult =
  { readonly compiled: Compiled } | { readonly offset: number; readonly message: string; readonly hint?: string }

/** Longer and larger ones are no pattern a person wrote. */
const MAX_PATTERN_LENGTH = 10_000
const MAX_PATTERN_SIZE = 20_000

export function compilePattern(text: string, caseSensitive: boolean, target: TranslationTarget): CompileResult {
  if (text.length > MAX_PATTERN_LENGTH) return { offset: 0, message: `longer than ${MAX_PATTERN_LENGTH} characters` }
  const translation = translate(text, target)
  if ('fault' in translation) return translation.fault
  const source = caseSensitive ? translation.source : `(?i:${translation.source})`
  const size = sizeOf(source)
  if (size > MAX_PATTERN_SIZE) return { offset: 0, message: 'its repeats make it too large', hint: 'count to less' }
  try {
    return { compiled: { source, size, search: new RE2(source, target === 'line' ? 'gm' : 'g') } }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return refusalOf(error.message, text)
  }
}

/** RE2 quotes the translated pattern after a colon: nobody wrote that, but where it stands in the pattern is the place. */
function refusalOf(refusal: string, text: string): CompileResult {
  const [, message = refusal, quoted = ''] = /^([^:]*): (.*)$/s.exec(refusal) ?? []
  const offset = Math.max(0, text.indexOf(quoted))
  return /repe(?:at|tition)/.test(message)
    ? { offset, message, hint: 'a repeat counts to 1000 at most' }
    : { offset, message }
}

/** A constant pattern compiled, a fault where it cannot be; null where variables stand in it. */
export function compileConstant(pattern: Pattern, target: TranslationTarget): Compiled | Fault | null {
  const text = constantText(pattern.segments)
  if (text === null) return null
  const result = compilePattern(text, pattern.options.caseSensitive, target)
  if ('compiled' in result) return result.compiled
  const { at } = pattern
  // A pattern stands in one line: the slash is its first column.
  const place = { ...at, column: at.column + 1 + result.offset }
  return faultAt(place, `in this pattern: ${result.message}`, result.hint)
}

/** Patterns whose text came from variables, newest last. */
export class PatternCache {
  readonly #byText = new Map<string, CompileResult>()
  readonly #maxPatterns: number

  constructor(maxPatterns: number) {
    this.#maxPatterns = maxPatterns
  }

  /** `onNew` is told of the size of a pattern that had to be compiled. */
  compile(
    text: string,
    caseSensitive: boolean,
    target: TranslationTarget,
    onNew: (size: number) => void,
  ): CompileResult {
    if (text.length > MAX_PATTERN_LENGTH) return compilePattern(text, caseSensitive, target)
    const key = `${target}${caseSensitive ? 'D' : 'i'}${text}`
    const known = this.#byText.get(key)
    if (known) return known
    const result = compilePattern(text, caseSensitive, target)
    if (this.#byText.size >= this.#maxPatterns) this.#byText.clear()
    this.#byText.set(key, result)
    onNew('compiled' in result ? result.compiled.size : text.length)
    return result
  }
}
