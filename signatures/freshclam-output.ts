// What freshclam said, read as a result. In come its text and its exit code, out goes an UpdateResult.
// The text decides, not the code: a run that was turned away with 429, or that only waits for the end of a cool-down,
// exits with 0. What is not understood is a failure, never "up to date".
import { printable } from '../mail/finding.js'

export type UpdateResult =
  | { readonly kind: 'updated'; readonly databases: readonly string[] }
  | { readonly kind: 'upToDate' }
  | { readonly kind: 'coolingDown'; readonly until: Date }
  | { readonly kind: 'failed'; readonly why: string; readonly exitCode: number | null }

export type FreshclamSaid = {
  readonly result: UpdateResult
  /** freshclam's own NotifyClamd has reached clamd: telling it again would load everything twice. */
  readonly clamdNotified: boolean
  /** Its other warnings, such as an outdated engine. */
  readonly warnings: readonly string[]
}

/** `exitCode` is null when freshclam was ended by a signal. */
export function readFreshclamOutput(text: string, exitCode: number | null): FreshclamSaid {
  const lines = text.split(/[\r\n]+/).map(withoutTime)
  return {
    result: resultOf(lines, exitCode),
    clamdNotified: lines.some(line => /^Clamd successfully notified/.test(line)),
    warnings: lines
      .flatMap(line => /^WARNING: (.*)/.exec(line)?.[1] ?? [])
      .filter(isWorthSaying)
      .map(printable),
  }
}

/** With LogTime each line carries the time, after the word ERROR or WARNING where there is one. */
function withoutTime(line: string): string {
  return line.replace(/^((?:ERROR|WARNING): )?\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} -> /, '$1').trim()
}

function resultOf(lines: readonly string[], exitCode: number | null): UpdateResult {
  const until = coolDownEnd(lines)
  if (exitCode !== 0) return { kind: 'failed', why: whyFailed(lines, exitCode, until), exitCode }
  const databases = lines.flatMap(line => /^(\S+) updated \(version: /.exec(line)?.[1] ?? [])
  if (databases.length > 0) return { kind: 'updated', databases }
  if (until) return { kind: 'coolingDown', until }
  if (lines.some(line => /^\S+ (?:database )?is up-to-date \(version: /.test(line))) return { kind: 'upToDate' }
  return { kind: 'failed', why: errorsIn(lines) ?? 'freshclam did not say what it did', exitCode }
}

/** Written in local time, without a zone. */
function coolDownEnd(lines: readonly string[]): Date | null {
  for (const line of lines) {
    const time = /\bon cool-down until after: (\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)/
      .exec(line)
      ?.slice(1)
      .map(Number)
    if (!time) continue
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = time
    return new Date(year, month - 1, day, hour, minute, second)
  }
  return null
}

function whyFailed(lines: readonly string[], exitCode: number | null, until: Date | null): string {
  const ended = exitCode === null ? 'freshclam was ended by a signal' : `freshclam ended with exit code ${exitCode}`
  const because = errorsIn(lines) ?? ended
  return until ? `${because}; the server wants no further request before ${until.toISOString()}` : because
}

const MAX_WHY_LENGTH = 500

function errorsIn(lines: readonly string[]): string | null {
  const errors = lines.flatMap(line => /^ERROR: (.*)/.exec(line)?.[1] ?? [])
  const telling = errors.filter(error => !/^(?:Update failed\.?|Initialization error!?)$/.test(error))
  const hint = lines.flatMap(line => /^Hint: (.*)/.exec(line)?.[1] ?? [])
  const words = [...new Set([...(telling.length > 0 ? telling : errors), ...hint])]
  return words.length > 0 ? printable(words.join('; ').replace(/\s+/g, ' ')).slice(0, MAX_WHY_LENGTH) : null
}

function isWorthSaying(warning: string): boolean {
  return !/^DNS Update Info disabled|on cool-down until|error code (?:429|403)/.test(warning)
}
