// The forward slice of mailweir.toml: how `to "!address"` leaves this machine.
import { z } from 'zod'
import { parseRelay } from './relay-address.js'

export const forwardSettings = z
  .strictObject({
    via: z
      .enum(['sendmail', 'relay'])
      .default('sendmail')
      .describe('How mail is forwarded: by the `sendmail` command or through an SMTP `relay`.'),
    sendmailPath: z
      .string()
      .startsWith('/')
      .default('/usr/sbin/sendmail')
      .describe('The sendmail command; it is started without a shell.'),
    relay: z
      .string()
      .refine(relay => parseRelay(relay) !== null, { error: 'write host:port, or [IPv6 address]:port' })
      .default('127.0.0.1:25')
      .describe('With `via = "relay"`: the SMTP server that takes forwarded mail, host:port.'),
    timeoutMs: z
      .number()
      .int()
      .min(1000)
      .max(3_600_000)
      .default(120_000)
      .describe('How long forwarding one message may take; then it is tried again later.'),
  })
  .prefault({})

export type ForwardSettings = z.infer<typeof forwardSettings>
