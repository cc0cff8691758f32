// Where messages lie while they are being worked on, and how large they may be.
import { z } from 'zod'

export const spoolSettings = z
  .strictObject({
    directory: z
      .string()
      .min(1)
      .default('/var/spool/mailweir')
      .describe('Where messages above memoryBytes lie while they are worked on; not on a file system kept in memory.'),
    memoryBytes: z
      .number()
      .int()
      .min(0)
      .max(16 * 1024 * 1024)
      .default(128 * 1024)
      .describe('Messages up to this size are kept in memory, larger ones in a file that nobody else can open.'),
    maxMessageBytes: z
      .number()
      .int()
      .min(64 * 1024)
      .default(50 * 1024 * 1024)
      .describe(
        'The largest message taken, counted as it is sent, with CRLF line ends; larger ones are refused with 552.',
      ),
  })
  .prefault({})

export type SpoolSettings = z.infer<typeof spoolSettings>
