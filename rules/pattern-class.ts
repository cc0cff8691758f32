// One character class, `[...]`, from PCRE to RE2. Where lines are searched the line end is taken out of it.
import { escapeAt, PatternFault, quotedCodePoint, setSource, type TranslationTarget } from './pattern-escape.js'

const LINE_END = 10

/** POSIX names: their items without the line end. */
const POSIX: Readonly<Record<string, { readonly items: string; readonly holdsLineEnd: boolean }>> = {
  alpha: { items: 'A-Za-z', holdsLineEnd: false },
  digit: { items: '0-9', holdsLineEnd: false },
  alnum: { items: '0-9A-Za-z', holdsLineEnd: false },
  upper: { items: 'A-Z', holdsLineEnd: false },
  lower: { items: 'a-z', holdsLineEnd: false },
  xdigit: { items: '0-9A-Fa-f', holdsLineEnd: false },
  word: { items: '0-9A-Za-z_', holdsLineEnd: false },
  blank: { items: '\\t ', holdsLineEnd: false },
  space: { items: '\\t\\x0B\\f\\r ', holdsLineEnd: true },
  cntrl: { items: '\\x00-\\x09\\x0B-\\x1F\\x7F', holdsLineEnd: true },
  punct: { items: '!-/:-@\\x5B-`{-~', holdsLineEnd: false },
  graph: { items: '!-~', holdsLineEnd: false },
  print: { items: '\\x20-~', holdsLineEnd: false },
  ascii: { items: '\\x00-\\x09\\x0B-\\x7F', holdsLineEnd: true },
}

export class ClassTranslator {
  readonly #pattern: string
  readonly #start: number
  readonly #target: TranslationTarget
  #offset: number
  #items = ''
  #negated = false
  /** Sets that cannot be items: `\W` without the line end. */
  readonly #alternatives: string[] = []

  /** `start` is the place of the opening bracket. */
  constructor(pattern: string, start: number, target: TranslationTarget) {
    this.#pattern = pattern
    this.#start = start
    this.#target = target
    this.#offset = start + 1
  }

  run(): { source: string; length: number } {
    this.#negated = this.#pattern[this.#offset] === '^'
    if (this.#negated) this.#offset++
    const first = this.#offset
    while (this.#pattern[this.#offset] !== ']' || this.#offset === first) {
      if (this.#offset >= this.#pattern.length) throw new PatternFault(this.#start, 'the closing "]" is missing')
      this.#readItem()
    }
    return {
      source: this.#negated ? this.#negatedSource() : this.#positiveSource(),
      length: this.#offset + 1 - this.#start,
    }
  }

  #negatedSource(): string {
    if (this.#alternatives.length > 0) {
      throw new PatternFault(this.#start, 'this negated class is not supported', 'write it without its \\H or \\V')
    }
    return `[^${this.#items}${this.#target === 'line' ? '\\n' : ''}]`
  }

  #positiveSource(): string {
    const whole = this.#items === '' ? [] : [`[${this.#items}]`]
    const all = [...whole, ...this.#alternatives]
    if (all.length === 0) return '[^\\x00-\\x{10FFFF}]'
    return all.length === 1 ? all.join('') : `(?:${all.join('|')})`
  }

  #readItem(): void {
    const rest = this.#pattern.slice(this.#offset)
    const posix = /^\[:(\^?)([a-z<>]+):\]/.exec(rest)
    if (posix) this.#addPosix(posix[0], posix[1] === '^', posix[2] ?? '')
    else if (/^\[([.=])[^\]]{0,40}\1\]/.test(rest)) {
      throw new PatternFault(this.#offset, 'collating elements are not supported')
    } else if (rest.startsWith('\\Q') || rest.startsWith('\\E')) this.#offset += 2
    else this.#readCharacterOrRange()
  }

  #addPosix(text: string, negated: boolean, name: string): void {
    const set = POSIX[name]
    if (!set) throw new PatternFault(this.#offset, `${text} is not known`)
    if (!negated) this.#items += set.items + (this.#target === 'text' && set.holdsLineEnd ? '\\n' : '')
    else if (this.#negated) this.#items += text
    else this.#alternatives.push(setSource(set, true, this.#target))
    this.#offset += text.length
  }

  #readCharacterOrRange(): void {
    const start = this.#offset
    const low = this.#readCharacter()
    if (low === null) return
    const opensRange =
      this.#pattern[this.#offset] === '-' && ![']', undefined].includes(this.#pattern[this.#offset + 1])
    const isSetNext = /^-(?:\\[dDwWsShHvVpP]|\[:)/.test(this.#pattern.slice(this.#offset))
    if (!opensRange || isSetNext) {
      this.#addRange(low, low)
      return
    }
    this.#offset++
    const high = this.#readCharacter()
    if (high === null || high < low) throw new PatternFault(start, 'a range that runs backwards')
    this.#addRange(low, high)
  }

  /** The code point of the next character; null when a whole set stood there, which is then added. */
  #readCharacter(): number | null {
    if (this.#pattern[this.#offset] !== '\\') {
      const codePoint = this.#pattern.codePointAt(this.#offset) ?? 0
      this.#offset += String.fromCodePoint(codePoint).length
      return codePoint
    }
    const escape = escapeAt(this.#pattern, this.#offset)
    const start = this.#offset
    this.#offset += escape.length
    if (escape.codePoint !== null) return escape.codePoint
    const items = escape.inside(this.#target, this.#negated)
    if (items !== null) this.#items += items
    else if (escape.kind === 'set') this.#alternatives.push(escape.outside(this.#target))
    else throw new PatternFault(start, `${this.#pattern.slice(start, this.#offset)} has no meaning inside [...]`)
    return null
  }

  #addRange(low: number, high: number): void {
    if (this.#target === 'line' && low <= LINE_END && high >= LINE_END) {
      if (low < LINE_END) this.#items += rangeSource(low, LINE_END - 1)
      if (high > LINE_END) this.#items += rangeSource(LINE_END + 1, high)
    } else this.#items += rangeSource(low, high)
  }
}

function rangeSource(low: number, high: number): string {
  return low === high ? quotedCodePoint(low) : `${quotedCodePoint(low)}-${quotedCodePoint(high)}`
}
