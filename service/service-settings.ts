// The [service] slice of mailweir.toml: who the service is, as whom and where it runs.
import { hostname } from 'node:os'
import { z } from 'zod'

const account = z
  .union([z.string().min(1), z.int().min(0)])
  .nullable()
  .default(null)

export const serviceSettings = z
  .strictObject({
    hostName: z
      .string()
      .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?$/, { error: 'expected a host name' })
      .default(() => hostname())
      .meta({
        description: 'What the service calls itself in greetings, Received fields and file names.',
        defaultText: "the machine's host name",
      }),
    user: account.describe(
      'Whom the workers run as, by name or number: the owner of the mailboxes; needed when started by root.',
    ),
    group: account.describe("Their group, by name or number; without it the user's own."),
    workers: z.int().min(1).max(256).nullable().default(null).meta({
      description: 'Worker processes that take, scan and deliver mail.',
      defaultText: 'one per processor core',
    }),
  })
  .prefault({})
  .describe('The service as a whole.')

export type ServiceSettings = z.infer<typeof serviceSettings>
