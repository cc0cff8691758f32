// What one worker works with, opened once from the settings: every room of the house, and the logs.
import { logDelivery } from '../admin/log-delivery.js'
import { keepLogOpen } from '../admin/append-log.js'
import type { OpenLog } from '../admin/append-log.js'
import type { Log } from '../admin/service-log.js'
import { createClamd } from '../filters/clamd/client.js'
import type { Scanners } from '../filters/inspect.js'
import { createSpamd } from '../filters/spamd/client.js'
import type { StampSettings } from '../filters/stamp.js'
import { createUnpacker, newBudget } from '../filters/unpack/unpack.js'
import { createSpool } from '../mta/spool.js'
import type { Spool } from '../mta/spool.js'
import { userSources } from '../mda/users/find-user.js'
import type { UserSource } from '../mda/users/user.js'
import { createRuleFiles } from './rule-files.js'
import type { RuleFiles } from './rule-files.js'
import type { Settings } from './settings.js'
import { watchSignatureAge } from './signature-age.js'

export type Rooms = {
  readonly settings: Settings
  readonly hostName: string
  /** Whom mail is delivered as. */
  readonly owner: { readonly uid: number; readonly gid: number }
  /** Fires when what is still under way must end now. */
  readonly ending: AbortSignal
  readonly spool: Spool
  readonly scanners: Scanners
  readonly stamp: StampSettings
  readonly ruleFiles: RuleFiles
  readonly users: { readonly sources: readonly UserSource[]; readonly recipientDelimiter: string }
  readonly log: Log
  /** The site's maildrop.log; null when the settings name none. */
  readonly maildropLog: OpenLog | null
  readonly logDelivery: (delivery: Parameters<typeof logDelivery>[1]) => void
  /** Makes the site's maildrop.log while we may still be root, in a folder where only root may make files. */
  openLogs(): Promise<void>
  /** What must be done before the first message: the spool's folder, leftovers of a crash. */
  prepare(): Promise<void>
  close(): Promise<void>
}

/** `owner`: whom mail will be delivered as, once root has been given up. */
export function openRooms(settings: Settings, log: Log, owner: { uid: number; gid: number }): Rooms {
  const { hostName } = settings.service
  const ending = new AbortController()
  const clamd = settings.clamd.enabled ? createClamd(settings.clamd) : null
  const spamd = settings.spamd.enabled ? createSpamd(settings.spamd) : null
  const unpacker = createUnpacker(settings.unpack)
  const spool = createSpool(settings.spool)
  const age = clamd ? watchSignatureAge(clamd, settings.signatures.staleAfterHours, log) : null
  const maildropLog =
    settings.log.maildropLog === null
      ? null
      : keepLogOpen(settings.log.maildropLog, { ownerUid: owner.uid, ownerGid: owner.gid })
  return {
    settings,
    hostName,
    owner,
    ending: ending.signal,
    spool,
    scanners: {
      clamd,
      spamd,
      unpacker,
      newBudget: () => newBudget(settings.unpack),
      policy: settings.policy,
      inspect: settings.inspect,
      staleFinding: () => age?.staleFinding() ?? null,
    },
    stamp: { hostName, clamdEnabled: clamd !== null, spamdEnabled: spamd !== null },
    ruleFiles: createRuleFiles(),
    users: { sources: userSources(settings.users, owner), recipientDelimiter: settings.users.recipientDelimiter },
    log,
    maildropLog,
    logDelivery: delivery => logDelivery(log, delivery),
    openLogs: async () => maildropLog?.append(''),
    prepare: () => spool.prepare(),
    close: async () => {
      age?.stop()
      // First the messages, then what they use: an unpacker that goes first would only look like a damaged archive.
      ending.abort('the service ends')
      await unpacker.close()
      await maildropLog?.close()
      await log.flush()
    },
  }
}
