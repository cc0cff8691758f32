// A process that delivers into argv[2] until somebody kills it, and prints each file it has answered "delivered" for.
import { writeSync } from 'node:fs'
import { deliverToMaildir } from '../../mda/maildir.js'
import { mailOf, targetIn } from './mailboxes.js'

const home = process.argv[2] ?? ''
export const LINE = 'a line of the message\n'
export const LINES = 2000

async function deliverForever(): Promise<never> {
  const content = mailOf(LINE.repeat(LINES))
  for (;;) {
    const { outcome, file } = await deliverToMaildir(content, targetIn(home, 'Maildir'))
    writeSync(1, outcome.kind === 'delivered' ? `${file ?? ''}\n` : `FAULT ${outcome.text}\n`)
  }
}

if (home !== '') await Promise.all(Array.from({ length: 4 }, deliverForever))
