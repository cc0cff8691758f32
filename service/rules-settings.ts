// The [rules] slice of mailweir.toml: which filters are read for a recipient, and in which order.
import { z } from 'zod'

export const rulesSettings = z
  .strictObject({
    siteFile: z
      .string()
      .regex(/^(?:\/.*)?$/, { error: 'expected an absolute path, or "" for none' })
      .default('/etc/maildroprc')
      .describe('The filter that runs first, for everybody; "" for none. A file that is not there is no fault.'),
    userFile: z
      .string()
      .regex(/^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))/, { error: 'expected a path inside the home directory, or "" for none' })
      .default('.mailfilter')
      .describe('The recipient\'s own filter, in the home directory, run next; "" for none.'),
  })
  .prefault({})
  .describe('The filters, written in the language of maildrop.')

export type RulesSettings = z.infer<typeof rulesSettings>
