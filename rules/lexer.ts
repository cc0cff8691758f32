// Characters into tokens, by maildrop's rules: the end of a line is a token, a slash opens a pattern unless it follows
// `=`, `to` or `cc` or stands before a blank, and bare text may hold letters, digits and _-.:/${}@.
// In goes the file, out go tokens that end in `end`, and faults; after a fault the rest of its line is left out.
import { faultAt, MAX_FAULTS, type Fault, type Position } from './diagnostics.js'

const WORDS = [
  'lt', 'le', 'gt', 'ge', 'eq', 'ne', 'to', 'cc', 'if', 'elsif', 'else', 'while', 'foreach', 'exception', 'echo',
  'xfilter', 'system', 'dotlock', 'flock', 'logfile', 'log', 'include', 'exit', 'import', 'unset', 'length', 'substr',
  'getaddr', 'lookup', 'escape', 'tolower', 'toupper', 'hasaddr', 'gdbmopen', 'gdbmclose', 'gdbmfetch', 'gdbmstore',
  'time',
] as const // prettier-ignore
/** Longer signs first: they are tried in this order. */
const SIGNS = [
  '&&', '||', '<=', '>=', '=~', '==', '!=', '&', '|', '<', '>', '=', '!', '{', '}', '(', ')', '+', '*', '~', ',',
] as const // prettier-ignore

export type Word = (typeof WORDS)[number]
export type Sign = (typeof SIGNS)[number] | '-' | '/'
/** `text` is double-quoted, `bare` unquoted, `literal` single-quoted, `command` in back-ticks; `line` ends a statement. */
export type TokenKind = 'text' | 'bare' | 'literal' | 'command' | 'pattern' | 'line' | 'end' | Word | Sign

export type Token = {
  readonly kind: TokenKind
  /** The value of text, the pattern with its slashes and options, or the characters themselves. */
  readonly text: string
  readonly at: Position
}

/** Far more than people write; bounds the time that parsing takes. */
const MAX_TOKENS = 60_000

const WORD_SET: ReadonlySet<string> = new Set(WORDS)
const BLANK = /[ \t\v\f]/
const BARE_START = /[A-Za-z0-9_\-@.:/$]/
const BARE = /[A-Za-z0-9_\-@.:/${}]*/y
const PATTERN = /\/((?:[^/\\\n]|\\[^\n])*)\/(?::[A-Za-z0-9+.,-]*)?/y
const QUOTES: Readonly<Record<string, 'text' | 'literal' | 'command'>> = {
  '"': 'text',
  "'": 'literal',
  '`': 'command',
}

export function tokensOf(source: string, fileName: string): { tokens: Token[]; faults: Fault[] } {
  return new Lexer(source, fileName).run()
}

class Lexer {
  readonly #source: string
  readonly #fileName: string
  readonly #lastLineEnd: number
  readonly #tokens: Token[] = []
  readonly #faults: Fault[] = []
  #offset = 0
  #line = 1
  #lineStart = 0

  constructor(source: string, fileName: string) {
    // A file written on Windows: maildrop would take each CR for an empty line of its own.
    this.#source = source.replace(/\r\n?/g, '\n')
    this.#fileName = fileName
    this.#lastLineEnd = this.#source.lastIndexOf('\n')
  }

  run(): { tokens: Token[]; faults: Fault[] } {
    while (this.#faults.length < MAX_FAULTS && this.#skipBlanks()) {
      if (this.#tokens.length >= MAX_TOKENS) {
        this.#faults.push(faultAt(this.#position(), `more than ${MAX_TOKENS} words and signs`))
        break
      }
      this.#readToken()
    }
    if (this.#lastKind() !== 'line') this.#push('line', '')
    this.#push('end', '')
    return { tokens: this.#tokens, faults: this.#faults }
  }

  /** Blanks, comments and continued lines; false at the end of the file. */
  #skipBlanks(): boolean {
    for (;;) {
      const character = this.#source[this.#offset]
      if (character === undefined) return false
      if (BLANK.test(character)) this.#offset++
      else if (character === '#') this.#skipToLineEnd()
      else if (character === '\\') {
        const next = this.#source[this.#offset + 1]
        if (next !== undefined && next !== '\n' && !BLANK.test(next)) return true
        this.#skipToLineEnd()
        if (this.#source[this.#offset] === '\n') this.#endLine()
      } else return true
    }
  }

  #readToken(): void {
    const character = this.#source[this.#offset] ?? ''
    const quote = QUOTES[character]
    if (character === '\n' || character === ';') this.#readLineEnd(character)
    else if (quote) this.#readQuoted(quote, character)
    else if (character === '/' && !this.#pathMayStart()) this.#readPatternOrDivision()
    else if (BARE_START.test(character)) this.#readBare()
    else this.#readSign()
  }

  #readLineEnd(character: string): void {
    this.#push('line', character)
    this.#offset++
    if (character === '\n') this.#countLine()
  }

  /** After these a slash begins a path: `MAILDIR=/var/mail`, `to /var/mail/joe`. */
  #pathMayStart(): boolean {
    const last = this.#lastKind()
    return last === '=' || last === 'to' || last === 'cc'
  }

  #readPatternOrDivision(): void {
    const next = this.#source[this.#offset + 1]
    if (next === undefined || next === '\n' || BLANK.test(next)) {
      this.#push('/', '/')
      this.#offset++
      return
    }
    PATTERN.lastIndex = this.#offset
    const pattern = PATTERN.exec(this.#source)
    if (!pattern) {
      this.#fail(
        'a pattern without its closing "/"',
        'a division needs a blank after the "/"; a slash in a pattern is \\/',
      )
      return
    }
    this.#push('pattern', pattern[0])
    this.#offset += pattern[0].length
  }

  #readBare(): void {
    BARE.lastIndex = this.#offset
    const text = BARE.exec(this.#source)?.[0] ?? ''
    if (text === '-') this.#push('-', text)
    else this.#push(WORD_SET.has(text) ? (text as Word) : 'bare', text)
    this.#offset += text.length
  }

  #readSign(): void {
    const sign = SIGNS.find(candidate => this.#source.startsWith(candidate, this.#offset))
    if (sign === undefined) {
      const character = String.fromCodePoint(this.#source.codePointAt(this.#offset) ?? 0)
      this.#fail(`"${character}" has no meaning here`, 'text other than letters, digits and _-.:/${}@ needs quotes')
      return
    }
    this.#push(sign, sign)
    this.#offset += sign.length
  }

  /** Within quotes a backslash goes only before another backslash or the quote; before a line end it joins lines. */
  #readQuoted(kind: 'text' | 'literal' | 'command', quote: string): void {
    const at = this.#position()
    let value = ''
    this.#offset++
    for (;;) {
      const character = this.#source[this.#offset]
      if (character === undefined || character === '\n') {
        this.#failAt(at, `the closing ${quote} is missing`, 'to go on in the next line end this one with a backslash')
        return
      }
      this.#offset++
      if (character === quote) break
      if (character !== '\\') value += character
      else if (!this.#joinLines()) {
        const next = this.#source[this.#offset]
        if (next === quote || next === '\\') {
          value += next
          this.#offset++
        } else value += '\\'
      }
    }
    this.#tokens.push({ kind, text: value, at })
  }

  /** A backslash, blanks, perhaps a comment, and a line end: gone, with the blanks that open the next lines. */
  #joinLines(): boolean {
    if (this.#offset > this.#lastLineEnd) return false
    const joint = /[ \t\v\f]*(?:#[^\n]*)?\n/y
    joint.lastIndex = this.#offset
    if (!joint.test(this.#source)) return false
    this.#offset = joint.lastIndex - 1
    while (/\s/.test(this.#source[this.#offset] ?? '')) {
      if (this.#source[this.#offset] === '\n') this.#endLine()
      else this.#offset++
    }
    return true
  }

  #fail(message: string, hint: string): void {
    this.#failAt(this.#position(), message, hint)
  }

  #failAt(at: Position, message: string, hint: string): void {
    this.#faults.push(faultAt(at, message, hint))
    this.#skipToLineEnd()
  }

  #skipToLineEnd(): void {
    const end = this.#source.indexOf('\n', this.#offset)
    this.#offset = end < 0 ? this.#source.length : end
  }

  #endLine(): void {
    this.#offset++
    this.#countLine()
  }

  #countLine(): void {
    this.#line++
    this.#lineStart = this.#offset
  }

  #position(): Position {
    return { fileName: this.#fileName, line: this.#line, column: this.#offset - this.#lineStart + 1 }
  }

  #lastKind(): TokenKind | undefined {
    return this.#tokens.at(-1)?.kind
  }

  #push(kind: TokenKind, text: string): void {
    this.#tokens.push({ kind, text, at: this.#position() })
  }
}
