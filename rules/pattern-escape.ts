// One backslash sequence of PCRE: what it stands for outside and inside a character class, in RE2's words.

/** `line`: searched in many lines at once, must not match a line end. `text`: searched in one text (`=~`). */
export type TranslationTarget = 'line' | 'text'

export class PatternFault extends Error {
  constructor(
    readonly offset: number,
    message: string,
    readonly hint?: string,
  ) {
    super(message)
  }
}

export type Escape = {
  readonly kind: 'character' | 'set' | 'assertion'
  /** Characters of the pattern that it takes. */
  readonly length: number
  outside(target: TranslationTarget): string
  /** As items of a class; null where it is none, then a set can still stand beside the class as an alternative. */
  inside(target: TranslationTarget, classIsNegated: boolean): string | null
  /** The one character it stands for, where it stands for one: the end of a range. */
  readonly codePoint: number | null
}

/** Items without the line end. `not` is RE2's own word for all other characters, where it has one. */
type CharacterSet = { readonly items: string; readonly not: string | null; readonly holdsLineEnd: boolean }

const SETS: Readonly<Record<string, CharacterSet>> = {
  d: { items: '0-9', not: '\\D', holdsLineEnd: false },
  w: { items: '0-9A-Za-z_', not: '\\W', holdsLineEnd: false },
  s: { items: '\\t\\x0B\\f\\r ', not: '\\S', holdsLineEnd: true },
  h: {
    items: '\\t \\x{A0}\\x{1680}\\x{180E}\\x{2000}-\\x{200A}\\x{202F}\\x{205F}\\x{3000}',
    not: null,
    holdsLineEnd: false,
  },
  v: { items: '\\x0B-\\r\\x{85}\\x{2028}\\x{2029}', not: null, holdsLineEnd: true },
}

const CONTROLS: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 }
const REFUSED: Readonly<Record<string, string>> = { K: '\\K', G: '\\G', X: '\\X', C: '\\C', k: '\\k', g: '\\g' }

export function escapeAt(pattern: string, offset: number): Escape {
  const character = String.fromCodePoint(pattern.codePointAt(offset + 1) ?? 0)
  if (offset + 1 >= pattern.length) throw new PatternFault(offset, 'a backslash with nothing after it')
  const set = SETS[character.toLowerCase()]
  if (set) return setEscape(set, character !== character.toLowerCase())
  if (REFUSED[character]) throw new PatternFault(offset, `${REFUSED[character]} is not supported`)
  if (character === 'p' || character === 'P') return propertyAt(pattern, offset)
  if (ASSERTIONS[character]) return assertion(character)
  return characterAt(pattern, offset, character)
}

function setEscape(set: CharacterSet, negated: boolean): Escape {
  return {
    kind: 'set',
    length: 2,
    outside: target => setSource(set, negated, target),
    inside: (target, classIsNegated) => (negated ? (classIsNegated ? set.not : null) : itemsOf(set, target)),
    codePoint: null,
  }
}

function itemsOf(set: { items: string; holdsLineEnd: boolean }, target: TranslationTarget): string {
  return target === 'text' && set.holdsLineEnd ? `${set.items}\\n` : set.items
}

/** The set as a class of its own. All others are said by negation: RE2 then folds case as it should. */
export function setSource(
  set: { items: string; holdsLineEnd: boolean },
  negated: boolean,
  target: TranslationTarget,
): string {
  if (!negated) return `[${itemsOf(set, target)}]`
  return target === 'line' || set.holdsLineEnd ? `[^${set.items}\\n]` : `[^${set.items}]`
}

/** `\A`, `\Z` and `\z` are the ends of the line where lines are searched. */
const ASSERTIONS: Readonly<Record<string, { line: string; text: string }>> = {
  A: { line: '^', text: '\\A' },
  z: { line: '$', text: '\\z' },
  Z: { line: '$', text: '\\z' },
  b: { line: '\\b', text: '\\b' },
  B: { line: '\\B', text: '\\B' },
  N: { line: '[^\\n]', text: '[^\\n]' },
  R: { line: '[\\x0B-\\r\\x{85}\\x{2028}\\x{2029}]', text: '(?:\\r\\n|[\\n-\\r\\x{85}\\x{2028}\\x{2029}])' },
  E: { line: '', text: '' },
}

function assertion(character: string): Escape {
  const both = ASSERTIONS[character]!
  const isBackspace = character === 'b'
  return {
    kind: isBackspace ? 'character' : 'assertion',
    length: 2,
    outside: target => both[target],
    inside: () => (isBackspace ? '\\x08' : null),
    codePoint: isBackspace ? 8 : null,
  }
}

/** `\p{L}`, `\pL`, `\P{L}`, `\p{^L}`. The line end belongs to the controls (Cc) alone. */
function propertyAt(pattern: string, offset: number): Escape {
  const property = /^\\([pP])(?:\{(\^?)([A-Za-z0-9_&]+)\}|([A-Z]))/.exec(pattern.slice(offset))
  if (!property) throw new PatternFault(offset, 'expected the name of a property after \\p', 'for example \\p{Lu}')
  const name = property[3] ?? property[4] ?? ''
  const negated = (property[1] === 'P') !== (property[2] === '^')
  if (name === 'C' || name === 'Cc' || name === 'Any') {
    throw new PatternFault(offset, `\\p{${name}} is not supported`, 'for control characters write [[:cntrl:]]')
  }
  return {
    kind: 'set',
    length: property[0].length,
    // Without regard to case \p{Lu} would match small letters too; in PCRE it never does.
    outside: target => `(?-i:${!negated ? `\\p{${name}}` : target === 'line' ? `[^\\p{${name}}\\n]` : `\\P{${name}}`})`,
    inside: (_, classIsNegated) => (!negated ? `\\p{${name}}` : classIsNegated ? `\\P{${name}}` : null),
    codePoint: null,
  }
}

function characterAt(pattern: string, offset: number, character: string): Escape {
  const rest = pattern.slice(offset)
  const numeric =
    /^\\(?:x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{0,2})|o\{([0-7]{1,7})\}|(0[0-7]{0,2}|[1-3][0-7]{2}))/.exec(rest)
  if (numeric) {
    const [whole, braced, hex, octalBraced, octal] = numeric
    const digits = braced ?? hex
    const codePoint = digits !== undefined ? parseInt(digits || '0', 16) : parseInt(octalBraced ?? octal ?? '0', 8)
    if (codePoint > 0x10ffff) throw new PatternFault(offset, `${whole} is no character`)
    return codePointEscape(whole.length, codePoint)
  }
  if (/[1-9]/.test(character)) throw new PatternFault(offset, `the back reference \\${character} is not supported`)
  const control = /^\\c([\x20-\x7e])/.exec(rest)?.[1]
  if (control !== undefined) return codePointEscape(3, control.toUpperCase().charCodeAt(0) ^ 0x40)
  return codePointEscape(1 + character.length, CONTROLS[character] ?? character.codePointAt(0) ?? 0)
}

function codePointEscape(length: number, codePoint: number): Escape {
  return {
    kind: 'character',
    length,
    outside: target => (codePoint === 10 && target === 'line' ? '[^\\x00-\\x{10FFFF}]' : quotedCodePoint(codePoint)),
    inside: target => (codePoint === 10 && target === 'line' ? '' : quotedCodePoint(codePoint)),
    codePoint,
  }
}

/** The text as a pattern that matches just it. */
export function quoted(text: string): string {
  return Array.from(text, character => quotedCodePoint(character.codePointAt(0) ?? 0)).join('')
}

/** Letters, digits and blanks as they are, everything else by number: then no sign has a second meaning. */
export function quotedCodePoint(codePoint: number): string {
  const character = String.fromCodePoint(codePoint)
  return /[A-Za-z0-9 _@:,;=<>"'%&!~#]/.test(character) ? character : `\\x{${codePoint.toString(16)}}`
}
