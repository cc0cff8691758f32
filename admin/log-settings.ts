// The [log] slice of mailweir.toml: where the service says what it did.
import { z } from 'zod'

const absolutePath = z.string().regex(/^\//, { error: 'expected an absolute path' })

export const logSettings = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error'])
      .default('info')
      .describe('The least grave lines that are written; "info" has one line per message and recipient.'),
    file: absolutePath
      .nullable()
      .default(null)
      .describe('The log file, opened anew on reload; without it the log goes to standard output.'),
    format: z
      .enum(['json', 'text'])
      .default('json')
      .describe('One JSON object per line, or lines for reading without tools.'),
    maildropLog: absolutePath
      .nullable()
      .default(null)
      .describe(
        "A log of every delivery in maildrop's own four lines, beside those that filters ask for with logfile.",
      ),
  })
  .prefault({})
  .describe('The log.')

export type LogSettings = z.infer<typeof logSettings>
