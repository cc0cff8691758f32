// The small SMTP front: whether it runs, where, and for which domains.
import { z } from 'zod'
import { parseListenAddress } from '../listen-address.js'
import { isDomainName } from './own-recipient.js'

export const smtpSettings = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe('Whether mail is taken by SMTP, for sites without an MTA. Mail for other domains is never taken.'),
    listen: z
      .array(z.string().refine(text => parseListenAddress(text)?.kind === 'tcp', 'not "host:port"'))
      .default(['127.0.0.1:25'])
      .describe('Where SMTP is taken: "host:port"; "0.0.0.0:25" takes mail from everywhere.'),
    domains: z
      .array(z.string().refine(isDomainName, 'not a domain name'))
      .default([])
      .describe(
        'Our own domains: the only ones that mail is taken for. Postmaster without a domain is the first one’s.',
      ),
    maxConnections: z
      .number()
      .int()
      .min(1)
      .default(100)
      .describe('Connections at once, in each worker; more are told to come back later.'),
    idleTimeoutMs: z
      .number()
      .int()
      .min(1000)
      .max(3_600_000)
      .default(180_000)
      .describe('How long a peer may stay silent, in a command or in a message, before the connection is closed.'),
  })
  .refine(({ enabled, domains }) => !enabled || domains.length > 0, {
    path: ['domains'],
    error: 'name at least one: mail for other domains is not taken',
  })
  .prefault({})

export type SmtpSettings = z.infer<typeof smtpSettings>
