// The arguments of MAIL and RCPT (RFC 5321 4.1.2): the path and its parameters. What is wrong is a value, not an exception.
import { parseAddress } from '../../mail/address.js'
import type { Address } from '../../mail/address.js'

export type Path = {
  /** null: `<>`, or not an address. */
  readonly address: Address | null
  readonly isEmpty: boolean
  readonly isUtf8: boolean
  /** What stands behind the path, not looked at yet. */
  readonly parameters: string
}

// A quoted local part may hold any character, `>` as well.
const PATH = /^(FROM|TO): *<((?:"(?:[^"\\]|\\.)*"|[^"<>])*)>(?: +(.*))?$/iu
/** Source routes are taken and ignored (RFC 5321 4.1.1.3, appendix C). */
const SOURCE_ROUTE = /^@[^\s,:@]+(?:,@[^\s,:@]+)*:/u

/** `word` is FROM or TO; null when the text is not of that form at all. */
export function parsePath(word: 'FROM' | 'TO', text: string): Path | null {
  const found = PATH.exec(text)
  if (found?.[1]?.toUpperCase() !== word) return null
  const path = found[2]!.replace(SOURCE_ROUTE, '')
  return {
    address: parseAddress(path),
    isEmpty: found[2] === '',
    isUtf8: /[^\x20-\x7e]/.test(path),
    parameters: found[3] ?? '',
  }
}

export type MailParameters =
  | { readonly kind: 'right'; readonly sizeBytes: number; readonly utf8: boolean; readonly wantsExitCodes: boolean }
  | { readonly kind: 'wrong'; readonly reply: 'badParameter' | 'unknownParameter' }

/** SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531) and our own XEXITCODE. */
export function parseMailParameters(text: string, offersExitCodes: boolean): MailParameters {
  const given = new Map<string, string | null>()
  for (const parameter of text.split(' ')) {
    if (parameter === '') continue
    const equals = parameter.indexOf('=')
    const name = (equals < 0 ? parameter : parameter.slice(0, equals)).toUpperCase()
    if (given.has(name)) return { kind: 'wrong', reply: 'badParameter' }
    given.set(name, equals < 0 ? null : parameter.slice(equals + 1))
  }
  for (const [name, value] of given) {
    const reply = faultIn(name, value, offersExitCodes)
    if (reply) return { kind: 'wrong', reply }
  }
  return {
    kind: 'right',
    sizeBytes: Number(given.get('SIZE') ?? 0),
    utf8: given.has('SMTPUTF8'),
    wantsExitCodes: given.has('XEXITCODE'),
  }
}

function faultIn(
  name: string,
  value: string | null,
  offersExitCodes: boolean,
): 'badParameter' | 'unknownParameter' | null {
  switch (name) {
    case 'SIZE':
      return value !== null && /^\d{1,20}$/.test(value) ? null : 'badParameter'
    case 'BODY':
      return value !== null && /^(7BIT|8BITMIME)$/i.test(value) ? null : 'badParameter'
    case 'SMTPUTF8':
      return value === null ? null : 'badParameter'
    case 'XEXITCODE':
      if (!offersExitCodes) return 'unknownParameter'
      return value === null ? null : 'badParameter'
    default:
      return 'unknownParameter'
  }
}
