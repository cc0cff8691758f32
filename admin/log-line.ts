// The text of a log line, safe to read in a terminal. In comes what pino wrote, out goes the same line with what it
// leaves as it is made visible, or a line for people where the settings ask for text.

const UNSAFE = /[\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/**
 * JSON escapes the control characters below a blank; a terminal also obeys those from 0x7f to 0x9f, and direction marks
 * reorder what is shown. All of them can only stand inside JSON's strings, so the escaped line means the same.
 */
export function terminalSafe(json: string): string {
  return json.replace(UNSAFE, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const LEVELS: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' }

/** `2026-11-20T12:27:34.123Z info  delivered recipient=joe@example.com findings=["virus Eicar in 1.2 x.zip"]` */
export function textLine(json: string): string {
  const { level, time, msg, ...fields } = JSON.parse(json) as Record<string, unknown>
  const when = typeof time === 'string' ? time : ''
  const grade = (typeof level === 'number' ? LEVELS[level] : undefined) ?? 'info'
  const words = Object.entries(fields)
    .filter(([name]) => name !== 'pid')
    .map(([name, value]) => `${name}=${textValue(value)}`)
  const text = typeof msg === 'string' ? [terminalSafe(JSON.stringify(msg).slice(1, -1))] : []
  return `${[when, grade.padEnd(5), ...text, ...words].join(' ')}\n`
}

/** Bare where nothing in it could be taken for the next field. */
function textValue(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=\\\p{Cc}]+$/u.test(value)) return terminalSafe(value)
  return terminalSafe(JSON.stringify(value))
}
