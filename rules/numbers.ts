// Numbers as maildrop keeps them: text that is read as C's atof reads it and written with 22 digits.

const DECIMAL = /^\s*([+-]?)(?:(0[xX])([0-9a-fA-F]*)|((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(inf|nan))/i

/** The number a text begins with; 0 when it begins with none. */
export function numberOf(text: string): number {
  const match = DECIMAL.exec(text)
  if (!match) return 0
  const [, sign, hexPrefix, hexDigits, decimal, special] = match
  let value = 0
  if (hexPrefix !== undefined) value = hexDigits ? Number(`0x${hexDigits}`) : 0
  else if (decimal !== undefined) value = Number(decimal)
  else value = special?.toLowerCase() === 'nan' ? Number.NaN : Number.POSITIVE_INFINITY
  return sign === '-' ? -value : value
}

/** The whole number a text begins with, cut off at its point; 0 when it begins with none. */
export function integerOf(text: string): number {
  return Number(/^\s*([+-]?\d{1,18})/.exec(text)?.[1] ?? 0)
}

const DIGITS = 22

/** C's `%.22g`: so 1/3 reads 0.3333333333333333148296, in both programs. */
export function textOfNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const [mantissa = '', exponentText = '0'] = value.toExponential(DIGITS - 1).split('e')
  const exponent = Number(exponentText)
  if (exponent < -4 || exponent >= DIGITS) {
    const digits = Math.abs(exponent).toString().padStart(2, '0')
    return `${withoutTrailingZeros(mantissa)}e${exponent < 0 ? '-' : '+'}${digits}`
  }
  return withoutTrailingZeros(value.toFixed(Math.max(0, DIGITS - 1 - exponent)))
}

function withoutTrailingZeros(digits: string): string {
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits
}

/** False are the empty text and a lone 0, blanks around them or not. */
export function isTrue(text: string): boolean {
  const bare = text.trim()
  return bare !== '' && bare !== '0'
}

const BITS = 64

/** `|` and `&` work on 64 bits, as maildrop does on the machines of today. */
export function bitwise(left: number, right: number, operator: '|' | '&'): number {
  const [a, b] = [bitsOf(left), bitsOf(right)]
  return Number(operator === '|' ? a | b : a & b)
}

export function complement(text: string): string {
  const digits = /^\s*([+-]?\d+)/.exec(text)?.[1] ?? '0'
  return String(~BigInt.asIntN(BITS, BigInt(digits.slice(0, 20))))
}

function bitsOf(value: number): bigint {
  return Number.isFinite(value) ? BigInt.asUintN(BITS, BigInt(Math.trunc(value))) : 0n
}

/** EXITCODE: what the process would exit with; 0 when it is no number. */
export function exitCodeOf(text: string): number {
  return Number(BigInt.asUintN(8, BigInt(/^\s*(-?\d{1,18})/.exec(text)?.[1] ?? 0)))
}
