// How LMTP is listened for, and how much one peer may ask for.
import { z } from 'zod'
import { parseListenAddress } from '../listen-address.js'

const milliseconds = z.number().int().min(100).max(86_400_000)

export const lmtpSettings = z
  .strictObject({
    listen: z
      .array(z.string().refine(text => parseListenAddress(text) !== null, 'not "unix:/path" or "host:port"'))
      .default(['unix:/run/mailweir/lmtp.sock'])
      .describe('Where LMTP is taken: "unix:/path" or "host:port". LMTP knows no password: keep host at 127.0.0.1.'),
    socketMode: z
      .number()
      .int()
      .min(0)
      .max(0o777)
      .default(0o666)
      .describe(
        'Mode of unix sockets, such as 0o660. Who may write to it may deliver to everybody; the MTA and the user of its pipe must be able to.',
      ),
    maxRecipients: z
      .number()
      .int()
      .min(1)
      .default(1000)
      .describe('Recipients of one message; the sender is told to send the rest in another one.'),
    maxConnections: z
      .number()
      .int()
      .min(1)
      .default(200)
      .describe('Connections at once, in each worker; more are told to come back later.'),
    commandTimeoutMs: milliseconds
      .default(300_000)
      .describe('How long a peer may take for its next command before the connection is closed.'),
    dataTimeoutMs: milliseconds
      .default(180_000)
      .describe('How long a peer may stay silent in the middle of a message.'),
  })
  .prefault({})

export type LmtpSettings = z.infer<typeof lmtpSettings>
