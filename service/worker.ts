// One worker of the service: opens the listening sockets that it shares with the others, gives up root, and takes
// mail until the parent tells it to finish, or is gone.
import process from 'node:process'
import { createLog } from '../admin/service-log.js'
import { accountToRunAs, deliveringAs, giveUpRoot } from './privileges.js'
import { openListeners } from './listeners.js'
import { openRooms } from './rooms.js'
import { createArrival } from './arrival.js'
import { readSettingsOrExplain } from './read-settings.js'
import type { FromWorker, ToWorker } from './worker-messages.js'

/** Runs until everything begun is finished; the process then ends with 0. Throws when it cannot start. */
export async function work(configPath: string): Promise<void> {
  const settings = await readSettingsOrExplain(configPath)
  if (!settings) throw new Error(`${configPath} has faults`)
  const log = createLog(settings.log)
  // Signals go to the parent, which tells its workers; a terminal's Ctrl-C reaches the whole group.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
  const account = accountToRunAs(settings)
  const rooms = openRooms(settings, log, deliveringAs(account))
  const listeners = openListeners(settings, createArrival(rooms), rooms.spool, log)
  const listeningOn = await listeners.listen()
  await rooms.openLogs()
  if (account) giveUpRoot(account)
  await rooms.prepare()
  const finish = async (graceMs: number): Promise<void> => {
    await listeners.close(graceMs)
    await rooms.close()
    process.exit(0)
  }
  process.on('message', (message: ToWorker) => void finish(message.graceMs))
  process.on('disconnect', () => void finish(10_000))
  tellParent({ kind: 'ready', listeningOn })
}

export function tellParent(message: FromWorker): void {
  process.send?.(message)
}
