// All the ways in of one worker, opened and closed together.
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../admin/service-log.js'
import type { Arrival } from '../mail/arrival.js'
import { parseListenAddress, removeStaleSocket } from '../mta/listen-address.js'
import type { ListenAddress } from '../mta/listen-address.js'
import { createLmtpServer } from '../mta/lmtp/server.js'
import type { Log as WayInLog } from '../mta/log.js'
import { createSmtpFront } from '../mta/smtp/server.js'
import type { Spool } from '../mta/spool.js'
import type { Settings } from './settings.js'

export type Listeners = {
  /** The addresses that mail is now taken at, as the settings name them. */
  listen(): Promise<string[]>
  /** What is being received is finished and answered first, for at most the grace. */
  close(graceMs: number): Promise<void>
}

export function openListeners(settings: Settings, arrival: Arrival, spool: Spool, log: Log): Listeners {
  const shared = { arrival, spool, hostName: settings.service.hostName, log: wayInLog(log) }
  const lmtp = createLmtpServer({ ...shared, settings: settings.lmtp })
  const smtp = createSmtpFront({ ...shared, settings: settings.smtp })
  return {
    listen: async () => {
      for (const address of addressesIn(settings.lmtp.listen)) await lmtp.listen(address)
      if (!settings.smtp.enabled) return settings.lmtp.listen
      for (const address of addressesIn(settings.smtp.listen)) await smtp.listen(address)
      return [...settings.lmtp.listen, ...settings.smtp.listen.map(address => `smtp ${address}`)]
    },
    close: async graceMs => {
      await Promise.all([lmtp.close({ graceMs }), smtp.close({ graceMs })])
    },
  }
}

/** Workers of a parent that was killed finish what they have begun and then let go of their socket. */
const PREDECESSOR_TIMEOUT_MS = 15_000
const LOOK_AGAIN_MS = 100

/** The parent does this once, before its workers open the sockets. Throws when somebody else answers and does not go. */
export async function removeStaleSockets(settings: Settings): Promise<void> {
  const giveUpAt = Date.now() + PREDECESSOR_TIMEOUT_MS
  for (const path of unixSockets(settings)) {
    await removeStaleSocket(path)
    while (existsSync(path)) {
      if (Date.now() > giveUpAt)
        throw new Error(`lmtp.listen: somebody else listens on ${path}; is the service running already?`)
      await sleep(LOOK_AGAIN_MS)
      await removeStaleSocket(path)
    }
  }
}

export function unixSockets(settings: Settings): string[] {
  return addressesIn(settings.lmtp.listen).flatMap(address => (address.kind === 'unix' ? [address.path] : []))
}

function addressesIn(texts: readonly string[]): ListenAddress[] {
  return texts.map(parseListenAddress).filter(address => address !== null)
}

function wayInLog(log: Log): WayInLog {
  return (level, text, { fault, ...about }) => {
    log[level](fault instanceof Error ? { ...about, fault: fault.stack ?? fault.message } : { ...about, fault }, text)
  }
}
