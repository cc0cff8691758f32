// Where each key of a TOML document stands, because the TOML parser tells values but no places. In comes the source of
// a document that the parser has accepted, out goes a look-up from a key's path to its line and column.
// A document that is not valid TOML gives what was understood of it, and ends.

export type KeyPath = readonly (string | number)[]
/** Both count from 1; columns count UTF-16 units. */
export type Place = { readonly line: number; readonly column: number }

/** Looks a path up; a key that is not there has the place of the table or list it would be in, a missing table none. */
export function keyPlaces(source: string): (path: KeyPath) => Place | null {
  const offsets = new KeyScanner(source).scan()
  const lineStarts = [0, ...[...source.matchAll(/\n/g)].map(({ index }) => index + 1)]
  return path => {
    for (let length = path.length; length > 0; length--) {
      const offset = offsets.get(keyOf(path.slice(0, length)))
      if (offset !== undefined) return placeAt(lineStarts, offset)
    }
    return null
  }
}

function placeAt(lineStarts: readonly number[], offset: number): Place {
  const line = lineStarts.findLastIndex(start => start <= offset)
  return { line: line + 1, column: offset - (lineStarts[line] ?? 0) + 1 }
}

function keyOf(path: KeyPath): string {
  return JSON.stringify(path)
}

const BLANKS = /[ \t]*/y
const BLANKS_LINES_COMMENTS = /(?:[ \t\r\n]|#[^\n]*)*/y
const BARE_KEY = /[^\s.=[\]"'#{},]+/y
const BARE_VALUE = /[^,\]}#\n]*/y
const STRINGS = [/"""(?:[^\\]|\\[^])*?"{3,5}/y, /'''[^]*?'{3,5}/y, /"(?:[^"\\\n]|\\.)*"/y, /'[^'\n]*'/y]

/** Follows toml.io/en/v1.0.0 as far as keys need it. */
class KeyScanner {
  private position = 0
  private readonly offsets = new Map<string, number>()
  /** How many [[tables]] of a name have been seen. */
  private readonly tableCounts = new Map<string, number>()

  constructor(private readonly source: string) {}

  scan(): ReadonlyMap<string, number> {
    let table: KeyPath = []
    this.skip(BLANKS_LINES_COMMENTS)
    while (this.position < this.source.length) {
      const before = this.position
      if (this.source[this.position] === '[') table = this.header()
      else this.keyValue(table)
      this.skip(BLANKS_LINES_COMMENTS)
      if (this.position === before) break
    }
    return this.offsets
  }

  /** `[a.b]` or `[[a.b]]` */
  private header(): KeyPath {
    const start = this.position
    const isOneOfMany = this.source.startsWith('[[', start)
    this.position += isOneOfMany ? 2 : 1
    this.skip(BLANKS)
    const names = this.dottedKey()
    this.skip(BLANKS)
    this.position += isOneOfMany ? 2 : 1
    const path = isOneOfMany ? this.nextOfMany(names) : this.insideLatest(names)
    this.notePrefixes([], path, start)
    return path
  }

  private nextOfMany(names: readonly string[]): KeyPath {
    const table = [...this.insideLatest(names.slice(0, -1)), ...names.slice(-1)]
    const index = this.tableCounts.get(keyOf(table)) ?? 0
    this.tableCounts.set(keyOf(table), index + 1)
    return [...table, index]
  }

  /** A table inside [[tables]] belongs to the latest of them. */
  private insideLatest(names: readonly string[]): KeyPath {
    let path: KeyPath = []
    for (const name of names) {
      path = [...path, name]
      const count = this.tableCounts.get(keyOf(path))
      if (count !== undefined) path = [...path, count - 1]
    }
    return path
  }

  /** `a.b = value` */
  private keyValue(table: KeyPath): void {
    const start = this.position
    const path = [...table, ...this.dottedKey()]
    this.notePrefixes(table, path, start)
    this.skip(BLANKS)
    if (this.source[this.position] === '=') this.position++
    this.skip(BLANKS)
    this.value(path)
  }

  private value(path: KeyPath): void {
    const first = this.source[this.position]
    if (first === '[') this.list(path)
    else if (first === '{') this.inlineTable(path)
    else if (first !== '"' && first !== "'") this.skip(BARE_VALUE)
    else if (!this.skipString()) this.position = this.source.length
  }

  private list(path: KeyPath): void {
    this.position++
    for (let index = 0; ; index++) {
      this.skip(BLANKS_LINES_COMMENTS)
      if (this.endsAt(']')) return
      this.note([...path, index], this.position)
      this.value([...path, index])
      this.skip(BLANKS_LINES_COMMENTS)
      if (!this.endsAt(',')) this.position += this.source[this.position] === ']' ? 0 : 1
    }
  }

  private inlineTable(path: KeyPath): void {
    this.position++
    for (;;) {
      this.skip(BLANKS_LINES_COMMENTS)
      if (this.endsAt('}')) return
      const before = this.position
      this.keyValue(path)
      this.skip(BLANKS_LINES_COMMENTS)
      if (!this.endsAt(',') && this.position === before) this.position++
    }
  }

  private endsAt(character: string): boolean {
    if (this.position >= this.source.length) return true
    if (this.source[this.position] !== character) return false
    this.position++
    return true
  }

  private dottedKey(): string[] {
    const names = [this.simpleKey()]
    for (;;) {
      this.skip(BLANKS)
      if (this.source[this.position] !== '.') return names
      this.position++
      this.skip(BLANKS)
      names.push(this.simpleKey())
    }
  }

  private simpleKey(): string {
    const quote = this.source[this.position]
    if (quote !== '"' && quote !== "'") return this.skip(BARE_KEY)
    const text = this.skipString() ?? ''
    return quote === '"' ? unescaped(text) : text.slice(1, -1)
  }

  private skipString(): string | null {
    for (const pattern of STRINGS) {
      const text = this.skip(pattern)
      if (text !== '') return text
    }
    return null
  }

  private notePrefixes(known: KeyPath, path: KeyPath, offset: number): void {
    for (let length = known.length + 1; length <= path.length; length++) this.note(path.slice(0, length), offset)
  }

  /** The first place stays: `[a.b]` may come before `[a]`, but a key has one place. */
  private note(path: KeyPath, offset: number): void {
    const key = keyOf(path)
    if (!this.offsets.has(key)) this.offsets.set(key, offset)
  }

  private skip(pattern: RegExp): string {
    pattern.lastIndex = this.position
    const text = pattern.exec(this.source)?.[0] ?? ''
    this.position += text.length
    return text
  }
}

/** TOML's escapes are JSON's, and \e, \x and \U. */
function unescaped(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|(.))/g, escape)
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', e: '\x1b' }

function escape(_all: string, short?: string, long?: string, byte?: string, letter?: string): string {
  const code = short ?? long ?? byte
  if (code !== undefined) return String.fromCodePoint(Math.min(parseInt(code, 16), 0x10ffff))
  return ESCAPES[letter ?? ''] ?? letter ?? ''
}
