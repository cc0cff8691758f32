// From PCRE's syntax, which maildrop's users write, to RE2's. For messages the result never matches a line end, so that
// one search over many lines finds exactly what a search line by line finds; `^` and `$` then stand at line ends.
// What RE2 cannot do in linear time (look-around, back references, possessive repeats) is refused with its place.
import { ClassTranslator } from './pattern-class.js'
import { escapeAt, PatternFault, quoted, type TranslationTarget } from './pattern-escape.js'

export type Translation =
  | { readonly source: string }
  | { readonly fault: { readonly offset: number; readonly message: string; readonly hint?: string } }

export function translate(pattern: string, target: TranslationTarget): Translation {
  try {
    return { source: new Translator(pattern, target).run() }
  } catch (error) {
    if (!(error instanceof PatternFault)) throw error
    const { offset, message, hint } = error
    return { fault: hint === undefined ? { offset, message } : { offset, message, hint } }
  }
}

/** What may follow `(?`, as far as RE2 has it. */
const GROUP = /^\(\?(?:(:)|(#)[^)]*\)|P?<([A-Za-z_]\w*)>|([a-zA-Z]*(?:-[a-zA-Z]+)?)([:)]))/
/** Each match carries the text of each group. */
const MAX_GROUPS = 100
const REPEAT = /^(?:[*+?]|\{\d+(?:,\d*)?\})/

class Translator {
  readonly #pattern: string
  readonly #target: TranslationTarget
  #offset = 0
  #source = ''
  /** Where the groups begin that are not closed yet. */
  readonly #open: number[] = []
  #groups = 0

  constructor(pattern: string, target: TranslationTarget) {
    this.#pattern = pattern
    this.#target = target
  }

  run(): string {
    while (this.#offset < this.#pattern.length) this.#step()
    const unclosed = this.#open.at(-1)
    if (unclosed !== undefined) throw new PatternFault(unclosed, 'this "(" is not closed')
    return this.#source
  }

  #step(): void {
    const character = String.fromCodePoint(this.#pattern.codePointAt(this.#offset) ?? 0)
    if (character === '\\') this.#escape()
    else if (character === '[') this.#class()
    else if (character === '(') this.#group()
    else if (character === ')') this.#closeGroup()
    else if (REPEAT.test(this.#rest())) this.#repeat()
    else if (character === '\n') this.#emit(this.#target === 'line' ? NEVER : '\\n', 1)
    else this.#emit('|^$.'.includes(character) ? character : quoted(character), character.length)
  }

  #rest(): string {
    return this.#pattern.slice(this.#offset)
  }

  #emit(source: string, length: number): void {
    this.#source += source
    this.#offset += length
  }

  #escape(): void {
    const literal = /^\\Q([^]*?)(?:\\E|$)/.exec(this.#rest())
    if (literal) {
      this.#emit(quoted(literal[1] ?? ''), literal[0].length)
      return
    }
    const escape = escapeAt(this.#pattern, this.#offset)
    this.#emit(escape.outside(this.#target), escape.length)
  }

  #class(): void {
    const wrong = /^\[([:.=])[^\]]{0,40}\1\]/.exec(this.#rest())
    if (wrong) {
      throw new PatternFault(this.#offset, `${wrong[0]} has a meaning only inside another [...]`, `write [${wrong[0]}]`)
    }
    const translated = new ClassTranslator(this.#pattern, this.#offset, this.#target).run()
    this.#emit(translated.source, translated.length)
  }

  #closeGroup(): void {
    if (this.#open.pop() === undefined) throw new PatternFault(this.#offset, 'this ")" has no "("')
    this.#emit(')', 1)
  }

  #openGroup(): void {
    this.#open.push(this.#offset)
    if (++this.#groups > MAX_GROUPS) throw new PatternFault(this.#offset, `more than ${MAX_GROUPS} groups`)
  }

  #group(): void {
    const rest = this.#rest()
    if (!rest.startsWith('(?') && !rest.startsWith('(*')) {
      this.#openGroup()
      this.#emit('(', 1)
      return
    }
    const group = GROUP.exec(rest)
    if (!group)
      throw new PatternFault(this.#offset, refusalOf(rest), 'patterns run in linear time, which leaves this out')
    if (group[0].endsWith(':') || group[3] !== undefined) this.#openGroup()
    const [whole, plain, comment, name, flags = '', close = ''] = group
    if (plain !== undefined) this.#emit('(?:', whole.length)
    else if (comment !== undefined) this.#emit('', whole.length)
    else if (name !== undefined) this.#emit(`(?P<${name}>`, whole.length)
    else this.#emit(this.#flags(flags, close), whole.length)
  }

  /** On single lines `s` and `m` change nothing, and must not change how we search many lines at once. */
  #flags(flags: string, close: string): string {
    const unknown = /[^imsU-]/.exec(flags)
    if (unknown) throw new PatternFault(this.#offset, `the option (?${unknown[0]}) is not known`)
    const kept = this.#target === 'line' ? flags.replace(/[sm]/g, '').replace(/-$/, '') : flags
    if (kept === '') return close === ':' ? '(?:' : ''
    return `(?${kept}${close}`
  }

  #repeat(): void {
    const repeat = REPEAT.exec(this.#rest())?.[0] ?? ''
    const after = this.#pattern[this.#offset + repeat.length]
    if (after === '+') {
      throw new PatternFault(this.#offset, `the possessive ${repeat}+ is not supported`, `write ${repeat}`)
    }
    this.#emit(repeat, repeat.length)
    if (after === '?') this.#emit('?', 1)
  }
}

/** A class that holds nothing. */
export const NEVER = '[^\\x00-\\x{10FFFF}]'

function refusalOf(rest: string): string {
  if (/^\(\?<?[=!]/.test(rest)) return 'look-ahead and look-behind are not supported'
  if (rest.startsWith('(?>')) return 'atomic groups are not supported'
  if (rest.startsWith('(?(')) return 'conditions in patterns are not supported'
  if (rest.startsWith('(*')) return 'control verbs are not supported'
  return `the group ${rest.slice(0, 3)} is not supported`
}
