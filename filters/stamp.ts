// What the filters found goes into the header, where rules and mail programs read it: our fields first, then the message
// with every field of these names that came from outside taken out, however oddly it was written. Ranges of the message,
// no copies; the body is never touched.
import { contentOf, type Content, type Segment } from '../mail/content.js'
import { describeFinding, type Finding } from '../mail/finding.js'
import { MAX_HEADER_BYTES } from '../mail/limits.js'
import type { Message } from '../mail/message.js'
import type { Verdict } from '../mail/verdict.js'
import { encodedText, foldedField } from './header-lines.js'
import { lenientName } from './mime/header-fields.js'

export type StampSettings = {
  readonly hostName: string
  readonly clamdEnabled: boolean
  readonly spamdEnabled: boolean
  readonly version?: string
}

/** What spamd said of the message, spam or not. */
export type SpamCheck = {
  readonly score: number
  readonly threshold: number
  readonly isSpam: boolean
  readonly tests: readonly string[]
}

const MAX_STARS = 50
const MAX_FINDING_LINES = 20
const MAX_FINDING_CHARACTERS = 500
const VIRUS_FIELDS = ['x-virus-scanned']
const SPAM_FIELDS = ['x-spam-flag', 'x-spam-score', 'x-spam-level', 'x-spam-status']
const OWN_PREFIX = 'x-mailweir-'

/** The fields to put in front, folded where they are long (RFC 5322 2.2.3), without the final line end. */
export function stampLines(verdict: Verdict, settings: StampSettings, spamCheck: SpamCheck | null): string[] {
  const lines: string[] = []
  if (settings.clamdEnabled && !verdict.findings.some(isUnscannedByClamd)) {
    const name = settings.version ? `Mailweir ${settings.version}` : 'Mailweir'
    lines.push(`X-Virus-Scanned: ${name} at ${settings.hostName.replace(/[^\x21-\x7e]+/g, '')}`)
  }
  if (settings.spamdEnabled && spamCheck) lines.push(...spamLines(spamCheck))
  if (verdict.decision === 'tag') {
    const findings = verdict.findings.filter(finding => finding.kind !== 'spam').slice(0, MAX_FINDING_LINES)
    for (const finding of findings) {
      const words = encodedText(describeFinding(finding).slice(0, MAX_FINDING_CHARACTERS)).split(' ')
      lines.push(foldedField('X-Mailweir-Finding', words, ' '))
    }
  }
  return lines
}

function isUnscannedByClamd(finding: Finding): boolean {
  return finding.kind === 'unscanned' && finding.by === 'clamd'
}

function spamLines({ score, threshold, isSpam, tests }: SpamCheck): string[] {
  const stars = '*'.repeat(Math.min(MAX_STARS, Math.max(0, Math.floor(score))))
  const names = tests.map(test => test.replace(/[^\w.:-]+/g, '').slice(0, 100)).filter(name => name !== '')
  const status = `${isSpam ? 'Yes' : 'No'}, score=${score.toFixed(1)} required=${threshold.toFixed(1)} tests=`
  const [first = 'none', ...others] = names
  return [
    `X-Spam-Flag: ${isSpam ? 'YES' : 'NO'}`,
    `X-Spam-Score: ${score.toFixed(1)}`,
    ...(stars === '' ? [] : [`X-Spam-Level: ${stars}`]),
    foldedField('X-Spam-Status', [status + first, ...others], ','),
  ]
}

/**
 * The message as it goes on: these lines, then its own, less the forged ones. A leading mbox `From ` line stays first. Only
 * the header is read (at most MAX_HEADER_BYTES of it). Fields of a scanner that is switched off may be some earlier
 * filter's and stay.
 */
export async function stamp(message: Message, lines: readonly string[], settings: StampSettings): Promise<Content> {
  const { bytes } = message.spooled
  const window = await bytes.read(0, Math.min(bytes.sizeBytes, MAX_HEADER_BYTES))
  const text = headerText(window)
  const forged = new Set([
    // Final delivery adds the one that counts (RFC 5321 4.4); for the pipe the MTA has done so already.
    ...(message.envelope.client.arrival === 'pipe' ? [] : ['return-path']),
    ...(settings.clamdEnabled ? VIRUS_FIELDS : []),
    ...(settings.spamdEnabled ? SPAM_FIELDS : []),
  ])
  const kept = keptRanges(text, name => forged.has(name) || name.startsWith(OWN_PREFIX), bytes.sizeBytes)
  const mboxEnd = text.startsWith('From ') ? endOfLine(text, 0) : 0
  const segments: Segment[] = []
  if (mboxEnd > 0) segments.push({ bytes, startByte: 0, endByte: mboxEnd })
  const rest = kept
    .map(range => ({ startByte: Math.max(range.startByte, mboxEnd), endByte: range.endByte }))
    .filter(range => range.endByte > range.startByte)
  const next = text[rest[0]?.startByte ?? 0]
  // A message that begins with a folded line would otherwise go on in our last field.
  const all = lines.length > 0 && (next === ' ' || next === '\t') ? [...lines, 'X-Mailweir-Unattached:'] : lines
  if (all.length > 0) segments.push(Buffer.from(all.map(line => `${line}\n`).join('')))
  for (const range of rest) segments.push({ bytes, ...range })
  return contentOf(segments)
}

/** Up to the blank line at which every program ends the header, latin-1. */
function headerText(window: Buffer): string {
  const text = window.toString('latin1')
  if (/^\r*\n/.test(text)) return ''
  const end = /\n\r*\n/.exec(text)
  return end ? text.slice(0, end.index + 1) : text
}

type Range = { startByte: number; endByte: number }

/** Everything but the fields whose name is forged, folded lines with them; CR and LF both end a line here. */
function keptRanges(text: string, isForged: (name: string) => boolean, sizeBytes: number): Range[] {
  const kept: Range[] = []
  let keptFrom = 0
  let forgedFrom = -1
  let isFirst = true
  for (let at = 0; at < text.length;) {
    const next = endOfLine(text, at)
    const isFolded = (text[at] === ' ' || text[at] === '\t') && !isFirst
    if (!isFolded) {
      if (forgedFrom >= 0) keptFrom = endOfForged(text, forgedFrom, at)
      forgedFrom = isForged(nameOf(text.slice(at, next))) ? at : -1
      if (forgedFrom > keptFrom) kept.push({ startByte: keptFrom, endByte: forgedFrom })
    }
    isFirst = false
    at = next
  }
  if (forgedFrom >= 0) keptFrom = endOfForged(text, forgedFrom, text.length)
  if (keptFrom < sizeBytes) kept.push({ startByte: keptFrom, endByte: sizeBytes })
  return kept
}

/** After a bare CR the line feed of the removed field stays: else programs that know only LF would join two lines. */
function endOfForged(text: string, start: number, end: number): number {
  return text[start - 1] === '\r' && text[end - 1] === '\n' ? end - 1 : end
}

/** A line without a colon may be a name whose colon follows on the folded line. */
function nameOf(line: string): string {
  const colon = line.indexOf(':')
  return lenientName(colon < 0 ? line : line.slice(0, colon))
}

function endOfLine(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\n') return at + 1
    if (text[at] === '\r') return text[at + 1] === '\n' ? at + 2 : at + 1
  }
  return text.length
}
