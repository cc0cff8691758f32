// All settings of mailweir.toml: each room's slice under the name of its table. Nothing is read here.
import { z } from 'zod'
import { logSettings } from '../admin/log-settings.js'
import { clamdSettings } from '../filters/clamd/settings.js'
import { inspectSettings } from '../filters/inspect.js'
import { policySettings } from '../filters/policy.js'
import { spamdSettings } from '../filters/spamd/settings.js'
import { unpackSettings } from '../filters/unpack/settings.js'
import { forwardSettings } from '../mda/forward-settings.js'
import { usersSettings } from '../mda/users/settings.js'
import { lmtpSettings } from '../mta/lmtp/settings.js'
import { smtpSettings } from '../mta/smtp/settings.js'
import { spoolSettings } from '../mta/spool-settings.js'
import { signaturesSettings } from '../signatures/settings.js'
import { rulesSettings } from './rules-settings.js'
import { serviceSettings } from './service-settings.js'

/** In the order in which docs/settings.md shows them: the path of a message. */
export const settingsSchema = z.strictObject({
  service: serviceSettings,
  lmtp: lmtpSettings.describe('Mail by LMTP, from the MTA and from the pipe command.'),
  smtp: smtpSettings.describe('Mail by SMTP, for sites without an MTA.'),
  spool: spoolSettings.describe('Messages while they are worked on.'),
  inspect: inspectSettings.describe('Looking into a message, all together.'),
  unpack: unpackSettings.describe('Opening archives, and when to stop.'),
  clamd: clamdSettings.describe('Asking clamd for viruses.'),
  spamd: spamdSettings.describe('Asking spamd for spam.'),
  policy: policySettings.describe('What becomes of a message in which something was found.'),
  rules: rulesSettings,
  users: usersSettings.describe('Who the recipients are.'),
  forward: forwardSettings.describe('Mail that a filter sends on to another address.'),
  signatures: signaturesSettings,
  log: logSettings,
})

export type Settings = z.infer<typeof settingsSchema>

/** What holds when mailweir.toml says nothing. */
export function defaultSettings(): Settings {
  return settingsSchema.parse({})
}
