// The parameters of a Content-Type or Content-Disposition value (RFC 2045 5.1), read as leniently as can be: comments
// out, quotes undone, anything else kept. What other programs make of a crooked value is boundaries.ts's matter.

export type Parameter = { readonly name: string; readonly value: string }

export type StructuredValue = { readonly main: string; readonly parameters: readonly Parameter[] }

export function structuredValue(value: string): StructuredValue {
  const segments = segmentsOf(value)
  const parameters: Parameter[] = []
  for (const segment of segments.slice(1)) {
    const equals = segment.indexOf('=')
    if (equals > 0)
      parameters.push({ name: segment.slice(0, equals).trim().toLowerCase(), value: segment.slice(equals + 1).trim() })
  }
  return { main: (segments[0] ?? '').trim(), parameters }
}

/** Cuts at the semicolons that are in no quotes and no comment; quotes are undone and comments left out on the way. */
function segmentsOf(value: string): string[] {
  if (!/[("\\]/.test(value)) return value.split(';')
  const segments: string[] = []
  let segment = ''
  for (let at = 0; at < value.length;) {
    const next = indexOfSpecial(value, at)
    segment += value.slice(at, next)
    at = next + 1
    const special = value[next]
    if (special === ';') {
      segments.push(segment)
      segment = ''
    } else if (special === '(') {
      at = endOfComment(value, next)
    } else if (special === '"') {
      const quoted = quotedFrom(value, next)
      segment += quoted.text
      at = quoted.end
    }
  }
  segments.push(segment)
  return segments
}

function indexOfSpecial(value: string, from: number): number {
  for (let at = from; at < value.length; at++) {
    const character = value[at]
    if (character === ';' || character === '(' || character === '"') return at
  }
  return value.length
}

/** One past the comment, nested ones included (RFC 5322 3.2.2); an open one takes the rest. */
export function endOfComment(value: string, from: number): number {
  let depth = 0
  for (let at = from; at < value.length; at++) {
    const character = value[at]
    if (character === '\\') at++
    else if (character === '(') depth++
    else if (character === ')' && --depth === 0) return at + 1
  }
  return value.length
}

/** The text in the quotes that open here, and one past them; open ones take the rest. */
function quotedFrom(value: string, from: number): { text: string; end: number } {
  let text = ''
  for (let at = from + 1; at < value.length; at++) {
    const character = value[at]!
    if (character === '"') return { text, end: at + 1 }
    text += character === '\\' && at + 1 < value.length ? value[++at]! : character
  }
  return { text, end: value.length }
}

/** The value without its comments, quotes kept as they are. */
export function withoutComments(value: string): string {
  if (!value.includes('(')) return value
  let kept = ''
  for (let at = 0; at < value.length;) {
    if (value[at] === '(') {
      at = endOfComment(value, at)
      continue
    }
    const end = value[at] === '"' ? quotedFrom(value, at).end : at + 1
    kept += value.slice(at, end)
    at = end
  }
  return kept
}
