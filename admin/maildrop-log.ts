// maildrop's own log, so that those who read it keep reading it: four lines for every delivery, made by maildropRecord,
// and a line for every `log` statement, made by maildropLine. Pure; append-log.ts writes them.
import { printable } from '../mail/finding.js'

export type MaildropDelivery = {
  readonly date: Date
  /** The From and Subject fields as the message has them; empty when it has none. Only a first line is shown. */
  readonly from: string
  readonly subject: string
  /** As the filter named it: `./Maildir/.Junk`, `! joe@example.com`, `| program`. */
  readonly mailbox: string
  readonly sizeBytes: number
  readonly failed: boolean
}

/** Bytes that maildrop shows after the word that begins the line. */
const FIELD_BYTES = 72

/** One record, a blank line at its end. What the sender wrote cannot begin a line of its own. */
export function maildropRecord({ date, from, subject, mailbox, sizeBytes, failed }: MaildropDelivery): string {
  const size = ` (${sizeBytes})`
  const place = cutToBytes(oneLine(mailbox), FIELD_BYTES - size.length)
  const padding = ' '.repeat(FIELD_BYTES - size.length - Buffer.byteLength(place))
  return (
    `Date: ${ctime(date)}\n` +
    `From: ${cutToBytes(fieldText(from), FIELD_BYTES)}\n` +
    `Subj: ${cutToBytes(fieldText(subject), FIELD_BYTES)}\n` +
    `${failed ? '!Err' : 'File'}: ${place}${padding}${size}\n\n`
  )
}

/** The text of a `log` statement. Its line breaks are the filter author's; what a message can bring in is not obeyed. */
export function maildropLine(text: string): string {
  return `${text.split('\n').map(oneLine).join('\n')}\n`
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `Fri Nov  6 09:05:03 2026`, local time, as C's ctime writes it. */
function ctime(date: Date): string {
  const [day = '', month = ''] = [DAYS[date.getDay()], MONTHS[date.getMonth()]]
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(part => String(part).padStart(2, '0'))
  return `${day} ${month} ${String(date.getDate()).padStart(2)} ${clock.join(':')} ${date.getFullYear()}`
}

/** maildrop stops at the first line of a folded field and keeps the blanks at its end. */
function fieldText(value: string): string {
  return oneLine((value.replace(/^[ \t]+/, '').split('\n')[0] ?? '').replace(/\r$/, ''))
}

/** Tabs stay: maildrop writes them too, and they end no line. */
function oneLine(text: string): string {
  return text.split('\t').map(printable).join('\t')
}

/** Cut before the character that would not fit whole: half of one would spoil the log for its readers. */
function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxBytes) return bytes.toString()
  let end = Math.max(0, maxBytes)
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}
