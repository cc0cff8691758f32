// The users slice of mailweir.toml.
import { z } from 'zod'
import { templateFault } from './template.js'

export const usersSettings = z
  .strictObject({
    source: z
      .enum(['template', 'passwd'])
      .default('template')
      .describe('Where users are looked up: `template` finds a home directory by its path, `passwd` reads a file.'),
    templateHome: z
      .string()
      .default('/var/mailbox/%d/%n')
      .refine(template => templateFault(template) === null, {
        error: issue => templateFault(String(issue.input)) ?? '',
      })
      .describe(
        'Home directory of a user: %u is the address, %n its local part, %d its domain, all in lower case; %% is a percent sign.',
      ),
    mustExist: z
      .boolean()
      .default(true)
      .describe(
        'With `template`: an address is a user only when the home directory exists; false takes every address and creates it.',
      ),
    passwdFile: z
      .string()
      .startsWith('/')
      .default('/etc/mailweir/passwd')
      .describe(
        'With `passwd`: the file, lines of `name:x:uid:gid:gecos:home:shell`, where name is an address or a local part.',
      ),
    recipientDelimiter: z
      .string()
      .regex(/^[!-~]*$/)
      .refine(characters => !/[@/]/.test(characters), { error: 'neither @ nor / can begin an extension' })
      .default('+')
      .describe('Characters that begin an extension of the local part, as in joe+list@example.org; empty for none.'),
    defaultMaildir: z
      .string()
      .min(1)
      .default('Maildir')
      .describe('Mailbox of a user whose source names none, absolute or relative to the home directory.'),
  })
  .prefault({})

export type UsersSettings = z.infer<typeof usersSettings>
