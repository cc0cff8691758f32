// The settings of the clamd client, checked, each with its default.
import { z } from 'zod'
import { socketField } from '../socket-address.js'

export const clamdSettings = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Whether clamd is asked about every message and what is packed in it.'),
    socket: socketField('unix:/run/clamav/clamd.ctl').describe(
      'Where clamd listens: unix:/path as its LocalSocket, or host:port as its TCPAddr and TCPSocket.',
    ),
    connectTimeoutMs: z.int().min(1).max(3_600_000).default(5_000).describe('How long a connection to clamd may take.'),
    sendTimeoutMs: z
      .int()
      .min(1)
      .max(3_600_000)
      .default(30_000)
      .describe(
        'How long clamd may go without reading on while it is sent something; its own CommandReadTimeout is 30 s.',
      ),
    totalTimeoutMs: z
      .int()
      .min(1)
      .max(3_600_000)
      .default(150_000)
      .describe(
        'How long one scan may take in all, the wait for its turn included; more than MaxScanTime of clamd (120 s).',
      ),
    maxConcurrentScans: z
      .int()
      .min(1)
      .default(10)
      .describe(
        'Scans at the same time from one worker process; all workers together should stay below MaxThreads plus MaxQueue of clamd.',
      ),
    maxStreamBytes: z
      .int()
      .min(1)
      .default(100 * 1024 * 1024)
      .describe(
        'StreamMaxLength of clamd; what is larger is not sent to the end and becomes a finding (policy.overScanLimit).',
      ),
  })
  .prefault({})

export type ClamdSettings = z.infer<typeof clamdSettings>
