// What the rules know of a message from the start: its header as it will be delivered, its owner, its size.
import { isUtf8 } from 'node:buffer'
import { resolve } from 'node:path'
import { decodeWords } from '../filters/mime/decode-name.js'
import { formatAddress } from '../mail/address.js'
import type { Content } from '../mail/content.js'
import type { Message } from '../mail/message.js'
import type { User } from '../mda/users/user.js'
import type { Facts } from '../rules/asks.js'

export type FactsSources = {
  readonly message: Message
  /** The message as it is delivered: trace fields and the stamped header in front. */
  readonly content: Content
  readonly user: User
  readonly hostName: string
}

export async function factsFor({ message, content, user, hostName }: FactsSources): Promise<Facts> {
  const { sender, receivedAt } = message.envelope
  return {
    headerLines: linesOf(await headerOf(content, message.header.endByte)),
    sender: sender === null ? '' : formatAddress(sender),
    sizeBytes: content.sizeBytes,
    variables: new Map([
      ['HOME', user.home],
      ['LOGNAME', user.name],
      // The slash says Maildir: one that is missing is made.
      ['DEFAULT', `${resolve(user.home, user.maildir)}/`],
      ['HOSTNAME', hostName],
      ...(user.quota === null ? [] : [['MAILDIRQUOTA', user.quota] as const]),
    ]),
    timeSeconds: Math.floor(receivedAt.getTime() / 1000),
    clock: () => performance.now(),
  }
}

/** New lines, and of the message's own ranges what lies in its header. */
async function headerOf(content: Content, headerEndByte: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  for (const segment of content.segments) {
    if (Buffer.isBuffer(segment)) pieces.push(segment)
    else if (segment.startByte < headerEndByte) {
      pieces.push(await segment.bytes.read(segment.startByte, Math.min(segment.endByte, headerEndByte)))
    }
  }
  return Buffer.concat(pieces)
}

/** One line per field, unfolded (RFC 5322 2.2.3) and RFC 2047 decoded. */
function linesOf(header: Buffer): string[] {
  return header
    .toString(isUtf8(header) ? 'utf8' : 'latin1')
    .replace(/\r?\n[ \t]+/g, ' ')
    .split(/\r?\n/)
    .filter(line => line !== '')
    .map(decodedBehindColon)
}

/** Encoded words in a name are no name: decoded, they would forge any field. */
function decodedBehindColon(line: string): string {
  const colon = line.indexOf(':')
  return colon < 0 || !line.includes('=?', colon) ? line : line.slice(0, colon + 1) + decodeWords(line.slice(colon + 1))
}
