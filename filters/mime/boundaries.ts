// What programs may take for the boundary in one Content-Type value. By the book there is one; with several parameters,
// comments, quotes left open, RFC 2231 pieces or NULs in it, each program has its own. All are given, as latin-1 text of the
// bytes to look for; which of them matter shows in the body.
import { decodeWords, extendedValue } from './decode-name.js'
import { withoutComments, type Parameter } from './parameters.js'

/** More candidates than this in one value are not followed; the list then ends with OVERFLOW. */
const MAX_CANDIDATES = 400
const MAX_MENTIONS = 64

/** Stands for "there were more": no line can carry it. */
export const OVERFLOW = '\n'

export function boundariesIn(value: string, parameters: readonly Parameter[]): string[] {
  const strict: string[] = []
  for (const parameter of parameters) if (parameter.name === 'boundary') strict.push(parameter.value)
  const extended = extendedValue(parameters, 'boundary')
  if (extended !== null) strict.push(extended)
  if (strict.length === 1 && isPlain(strict[0]!, value)) return strict
  const candidates = new Set<string>()
  const found = [...strict, ...mentions(value), ...mentions(withoutComments(value))]
  for (const candidate of found) for (const variant of variantsOf(candidate)) addLineTexts(candidates, variant)
  // `-- ` stands above many a signature: an empty boundary counts only where one is written.
  if (!strict.includes('')) candidates.delete('')
  const all = [...candidates]
  return all.length > MAX_CANDIDATES ? [...all.slice(0, MAX_CANDIDATES), OVERFLOW] : all
}

/** One boundary without anything that a program could read in another way. */
function isPlain(boundary: string, value: string): boolean {
  if (!/^[\w'+,./:=?-]+$/.test(boundary) || boundary.includes('=?') || /[(\\\0]/.test(value)) return false
  const mention = value.search(/boundary/i)
  const rest = value.slice(mention + 8)
  if (/boundary/i.test(rest)) return false
  const form = /^[ \t]*=[ \t]*("?)([^";\s]+)("?)[ \t]*(?:;|$)/.exec(rest)
  return form !== null && form[1] === form[3] && form[2] === boundary && !(form[1] === '' && boundary.includes("'"))
}

/**
 * Wherever `boundary=` stands, in comments and other parameters too: some programs only search for it. No two runs of blanks
 * may meet in the pattern, else a long run is cut in two at every place.
 */
function mentions(value: string): string[] {
  const found: string[] = []
  for (const mention of value.matchAll(/boundary(?:[ \t]*\*\d{0,5}\*?)?[ \t]*=[ \t]*/gi)) {
    if (found.length >= MAX_MENTIONS) {
      found.push(OVERFLOW)
      break
    }
    const rest = value.slice(mention.index + mention[0].length, mention.index + mention[0].length + 2000)
    const quoted = /^"((?:[^"\\]|\\.)*)/.exec(rest)?.[1]
    if (quoted !== undefined) found.push(quoted, quoted.replace(/\\(.)/g, '$1'), rest.slice(1))
    found.push(/^[^;]*/.exec(rest)?.[0] ?? '', /^[^;\s]*/.exec(rest)?.[0] ?? '', /^[^;\s"()]*/.exec(rest)?.[0] ?? '')
  }
  return found
}

function variantsOf(candidate: string): string[] {
  const variants = [candidate]
  if (candidate === OVERFLOW) return variants
  const nul = candidate.indexOf('\0')
  if (nul >= 0) variants.push(candidate.slice(0, nul), candidate.replaceAll('\0', ''))
  const blank = candidate.search(/\s/)
  if (blank >= 0)
    variants.push(candidate.slice(0, blank), candidate.replace(/\s+/g, ''), candidate.replace(/\s+/g, ' '))
  if (/["']/.test(candidate)) variants.push(candidate.replace(/^["']|["']$/g, ''), candidate.replace(/"/g, ''))
  if (candidate.includes("'")) variants.push(candidate.slice(candidate.lastIndexOf("'") + 1))
  if (candidate.includes('(')) variants.push(candidate.slice(0, candidate.indexOf('(')))
  if (candidate.includes('%')) variants.push(candidate.replace(/%([0-9a-f]{2})/gi, percentCharacter))
  if (candidate.includes('=?')) variants.push(decodeWords(candidate))
  return variants
}

function percentCharacter(_: string, digits: string): string {
  return String.fromCharCode(parseInt(digits, 16))
}

/**
 * Lines are compared as latin-1, blanks at their end do not count. A field's value is text where its bytes were UTF-8, else it
 * is latin-1 itself: which of the two it was cannot be told any more.
 */
function addLineTexts(candidates: Set<string>, boundary: string): void {
  if (boundary === OVERFLOW || !/[^\x00-\x7f]/.test(boundary)) {
    candidates.add(boundary === OVERFLOW ? boundary : withoutTail(boundary))
    return
  }
  candidates.add(withoutTail(Buffer.from(boundary).toString('latin1')))
  if (!/[^\x00-\xff]/.test(boundary)) candidates.add(withoutTail(boundary))
}

function withoutTail(text: string): string {
  let end = text.length
  while (end > 0 && text.charCodeAt(end - 1) <= 0x20) end--
  return text.slice(0, end)
}
