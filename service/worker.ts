// One worker of the service: opens the listening sockets that it shares with the others, gives up root, and takes
// mail until the parent tells it to finish, or is gone.
import process from 'node:process'
import { createLog } from '../admin/service-log.js'
import type { Arrival } from '../mail/arrival.js'
import { accountToRunAs, deliveringAs, giveUpRoot } from './privileges.js'
import { openListeners } from './listeners.js'
import { openRooms } from './rooms.js'
import { createArrival } from './arrival.js'
import { readSettingsOrExplain } from './read-settings.js'
import type { FromWorker, ToWorker } from './worker-messages.js'

/** A worker whose parent is gone ends, but finishes what it has begun. */
const ORPHAN_GRACE_MS = 10_000

/** Runs until everything begun is finished; the process then ends with 0. Throws when it cannot start. */
export async function work(configPath: string): Promise<void> {
  const settings = await readSettingsOrExplain(configPath)
  if (!settings) throw new Error(`${configPath} has faults`)
  const log = createLog(settings.log)
  // Signals go to the parent, which tells its workers; a terminal's Ctrl-C reaches the whole group.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
  const account = accountToRunAs(settings)
  const rooms = openRooms(settings, log, deliveringAs(account))
  const start = startingGate()
  const arrival = start.gated(createArrival(rooms))
  const listeners = openListeners(settings, arrival, rooms.spool, log)
  let isFinishing = false
  const finish = async (graceMs: number): Promise<void> => {
    if (isFinishing) return
    isFinishing = true
    await listeners.close(graceMs)
    await rooms.close()
    process.exit(0)
  }
  process.on('message', (message: ToWorker) => void finish(message.graceMs))
  process.on('disconnect', () => void finish(ORPHAN_GRACE_MS))
  await rooms.openLogs()
  const listeningOn = await listeners.listen()
  if (account) giveUpRoot(account)
  await rooms.prepare()
  start.open()
  tellParent({ kind: 'ready', listeningOn })
}

export function tellParent(message: FromWorker): void {
  process.send?.(message)
}

/**
 * Sockets take connections from the moment they are open, a moment before root is given up: no recipient is answered,
 * and so no mail is read, until everything is ready.
 */
function startingGate(): { gated(arrival: Arrival): Arrival; open(): void } {
  let open = (): void => undefined
  const ready = new Promise<void>(resolve => {
    open = resolve
  })
  return {
    gated: arrival => ({
      ...arrival,
      checkRecipient: async (recipient, client) => {
        await ready
        return arrival.checkRecipient(recipient, client)
      },
    }),
    open,
  }
}
