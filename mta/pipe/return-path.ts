// The envelope sender of a message that comes without `-f`: the Return-Path that the last MTA wrote on top of it
// (Postfix's pipe flag R). Comes in as the message's stream, goes out as the sender and the same stream, whole.
import { CHUNK_BYTES } from '../../mail/limits.js'
import { senderFrom } from './pipe-address.js'

const LINE_FEED = 0x0a
const BESIDE_IT = /^(?:From |(?:Delivered-To|X-Original-To|Envelope-To|Delivery-Date):|[ \t])/i

/**
 * The sender in the message's first bytes, or `needsMore`. Only the last MTA's other trace lines may come before
 * Return-Path (RFC 5321 4.4): one further down was written by somebody on the way. None, or no address: null.
 */
export function returnPathIn(head: Buffer, isAll: boolean): { readonly sender: string | null } | 'needsMore' {
  let start = 0
  for (;;) {
    const end = head.indexOf(LINE_FEED, start)
    if (end < 0) return isAll ? { sender: null } : 'needsMore'
    const line = head.toString('utf8', start, end)
    const value = /^Return-Path:(.*)$/is.exec(line)?.[1]
    if (value !== undefined) {
      const sender = senderFrom(value.replace(/^[ \t]+|[ \t\r]+$/g, ''))
      return { sender: sender === 'invalid' ? null : sender.address }
    }
    if (!BESIDE_IT.test(line)) return { sender: null }
    start = end + 1
  }
}

/** Reads no further than the top of the message; `input` of the answer still yields all of it. */
export async function withReturnPath(
  input: AsyncIterable<Buffer>,
): Promise<{ readonly sender: string | null; readonly input: AsyncIterable<Buffer> }> {
  const iterator = input[Symbol.asyncIterator]()
  let head: Buffer = Buffer.alloc(0)
  for (;;) {
    const next = await iterator.next()
    if (next.done !== true) head = Buffer.concat([head, next.value])
    const found = returnPathIn(head, next.done === true || head.length >= CHUNK_BYTES)
    if (found !== 'needsMore') return { sender: found.sender, input: joined(head, iterator) }
  }
}

async function* joined(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
}
