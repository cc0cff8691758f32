// spamd's request and reply as values (SPAMC/1.5, the command SYMBOLS: score, threshold and the tests that hit).
// A reply that is not whole and exact is `failed`: it says nothing about the message.

export type SpamResult =
  | {
      readonly kind: 'checked'
      readonly score: number
      readonly threshold: number
      readonly isSpam: boolean
      readonly tests: readonly string[]
    }
  /** Larger than we send: not checked. */
  | { readonly kind: 'tooLarge' }
  | { readonly kind: 'failed'; readonly why: string }

/** Some hundred tests with long names; a report would be longer, but we ask for none. */
export const MAX_REPLY_BYTES = 64 * 1024

/** An address (mail/address.ts) at its longest. */
const MAX_USER_BYTES = 320

/**
 * Whether spamd may be given this name. It makes paths of it (--virtual-config-dir) and queries, and it is
 * the sender who chose it: nothing but letters, digits and what addresses are usually made of.
 */
export function isUserName(name: string): boolean {
  return (
    /^[\p{L}\p{N}_][\p{L}\p{N}@._+=-]*$/u.test(name) &&
    !name.includes('..') &&
    Buffer.byteLength(name) <= MAX_USER_BYTES
  )
}

/** The name as it is when it can be given to spamd, else the default: a mended name might be somebody else's. */
export function userNameFor(name: string, defaultUser: string): string {
  return isUserName(name) ? name : defaultUser
}

/** What goes before the message; `sizeBytes` is exact, or spamd refuses. */
export function encodeSymbolsRequest(sizeBytes: number, user: string): Buffer {
  if (!isUserName(user)) throw new RangeError('a user name that must not be sent')
  return Buffer.from(`SYMBOLS SPAMC/1.5\r\nContent-length: ${sizeBytes}\r\nUser: ${user}\r\n\r\n`, 'utf8')
}

/**
 * `SPAMD/1.1 0 EX_OK`, `Content-length: 10`, `Spam: True ; 15.0 / 5.0`, a blank line, and so many bytes: `TEST,TEST`.
 * Other header lines are passed over, as spamc does; the two we need must be there once each.
 */
export function parseSymbolsReply(reply: Buffer): SpamResult {
  const text = reply.toString('latin1')
  const headEnd = text.indexOf('\r\n\r\n')
  const [status = '', ...lines] = (headEnd < 0 ? text : text.slice(0, headEnd)).split('\r\n')
  const code = /^SPAMD\/\d{1,2}\.\d{1,2} (\d{1,5}) (.+)$/.exec(status)
  if (!code)
    return failed(text === '' ? 'spamd closed the connection without a reply' : `not a reply of spamd: ${shown(text)}`)
  if (code[1] !== '0') return failed(`spamd says ${code[1]} ${shown(code[2] ?? '')}`)
  if (headEnd < 0) return failed('the reply of spamd was cut off')
  const length = onlyValueOf(lines, 'content-length')
  const spam = onlyValueOf(lines, 'spam')
  const judgement = /^(True|False) ; (-?\d{1,9}(?:\.\d{1,9})?) \/ (-?\d{1,9}(?:\.\d{1,9})?)$/.exec(spam ?? '')
  if (length === null || !/^\d{1,9}$/.test(length) || !judgement) return failed(`not a reply of spamd: ${shown(text)}`)
  const body = text.slice(headEnd + 4)
  if (body.length !== Number(length)) return failed(`spamd sent ${body.length} bytes and announced ${length}`)
  const tests = testNames(body)
  if (!tests) return failed(`not a list of tests: ${shown(body)}`)
  // spamd rounds -0.04 to `-0.0`; nobody wants to read -0.
  const [score, threshold] = [Number(judgement[2]) + 0, Number(judgement[3]) + 0]
  return { kind: 'checked', score, threshold, isSpam: judgement[1] === 'True', tests }
}

/** Null when the header is missing, or there twice. */
function onlyValueOf(lines: readonly string[], name: string): string | null {
  const values = lines
    .filter(line => line.toLowerCase().startsWith(`${name}: `))
    .map(line => line.slice(name.length + 2))
  return values.length === 1 ? (values[0] ?? null) : null
}

function testNames(body: string): string[] | null {
  const names = body.trim() === '' ? [] : body.trim().split(',')
  return names.every(name => /^[A-Za-z0-9_]{1,128}$/.test(name)) ? names : null
}

function failed(why: string): SpamResult {
  return { kind: 'failed', why }
}

function shown(text: string): string {
  return text.slice(0, 80).replace(/[^\x20-\x7e]/g, '?')
}
