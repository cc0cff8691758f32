// A parsed message from its text, as it would be after arrival and kept in memory.
import { parseMessage } from '../../filters/mime/parse-message.js'
import { parseAddress } from '../../mail/address.js'
import type { Message } from '../../mail/message.js'

export function messageFrom(text: string, recipients = ['joe@example.org']): Promise<Message> {
  const bytes = Buffer.from(text, 'latin1')
  const inMemory = {
    sizeBytes: bytes.length,
    inMemory: bytes,
    read: async (start: number, end: number) => bytes.subarray(start, end),
    stream: async function* (start: number, end: number) {
      yield bytes.subarray(start, end)
    },
  }
  return parseMessage(
    { bytes: inMemory, sizeBytes: bytes.length, sha256: '' },
    {
      id: 'x1',
      sender: parseAddress('ann@example.com'),
      recipients: recipients.map(address => ({ address: parseAddress(address)! })),
      client: { arrival: 'lmtp', peer: 'unix', heloName: null },
      receivedAt: new Date(0),
    },
  )
}
