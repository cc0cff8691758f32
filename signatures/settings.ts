// The [signatures] slice of mailweir.toml: whether, with what and where the virus signatures are kept up to date.
import { z } from 'zod'

const absolutePath = z.string().regex(/^\//, { error: 'expected an absolute path' })

export const signaturesSettings = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe('Whether the service runs freshclam itself, once an hour; switch off where a freshclam daemon does.'),
    freshclamPath: absolutePath.default('/usr/bin/freshclam').describe('The freshclam program.'),
    freshclamConfig: absolutePath
      .default('/etc/clamav/freshclam.conf')
      .describe("freshclam's own settings: mirrors, proxies, the owner of the databases."),
    databaseDirectory: absolutePath
      .default('/var/lib/clamav')
      .describe('Where the databases lie; told to freshclam, and it must be the directory that clamd loads.'),
    stateFile: absolutePath
      .default('/var/lib/mailweir/signatures.json')
      .describe('Remembers the minute of the hour and the last run, so that a restart neither shifts nor repeats it.'),
    timeoutMinutes: z.int().min(1).max(50).default(30).describe('A run of freshclam that takes longer is ended.'),
    staleAfterHours: z
      .int()
      .min(1)
      .default(48)
      .describe('Signatures older than this are stale: policy.stale says what becomes of mail then.'),
  })
  .prefault({})
  .describe('The virus signatures: when freshclam runs, and when they count as old.')

export type SignaturesSettings = z.infer<typeof signaturesSettings>
