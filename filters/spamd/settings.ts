// The settings of the spamd client, checked, each with its default.
import { z } from 'zod'
import { socketField } from '../socket-address.js'
import { isUserName } from './protocol.js'

export const spamdSettings = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Whether spamd is asked about every message.'),
    socket: socketField('127.0.0.1:783').describe('Where spamd listens: unix:/path as its --socketpath, or host:port.'),
    connectTimeoutMs: z.int().min(1).max(3_600_000).default(5_000).describe('How long a connection to spamd may take.'),
    totalTimeoutMs: z
      .int()
      .min(1)
      .max(3_600_000)
      .default(100_000)
      .describe('How long one check may take in all, the wait for its turn included.'),
    maxMessageBytes: z
      .int()
      .min(1)
      .default(512_000)
      .describe(
        'A larger message is not sent to spamd and becomes a finding (policy.overSpamLimit); spamc has the same bound.',
      ),
    maxConcurrentChecks: z
      .int()
      .min(1)
      .default(5)
      .describe(
        'Checks at the same time from one worker process; all workers together should stay below --max-children of spamd (5).',
      ),
    defaultUser: z
      .string()
      .refine(isUserName, 'must be a user name or an address of letters, digits and @ . _ + = -')
      .default('nobody')
      .describe(
        'Whose spamd preferences hold when a message has several recipients, or one whose name spamd should not be given.',
      ),
  })
  .prefault({})

export type SpamdSettings = z.infer<typeof spamdSettings>
