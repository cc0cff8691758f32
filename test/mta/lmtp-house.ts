// An LMTP server of our own on a unix socket, with a table for the rest of Mailweir, in a folder that goes with it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ListenAddress } from '../../mta/listen-address.js'
import { createLmtpServer } from '../../mta/lmtp/server.js'
import type { LmtpServer } from '../../mta/lmtp/server.js'
import { lmtpSettings } from '../../mta/lmtp/settings.js'
import type { LmtpSettings } from '../../mta/lmtp/settings.js'
import { spoolSettings } from '../../mta/spool-settings.js'
import type { SpoolSettings } from '../../mta/spool-settings.js'
import { createSpool } from '../../mta/spool.js'
import { tableArrival } from './table-arrival.js'
import type { TableArrival } from './table-arrival.js'
import { Wire } from './wire.js'

export type LmtpHouse = {
  readonly server: LmtpServer
  readonly address: ListenAddress
  readonly table: TableArrival
  readonly directory: string
  readonly logged: string[]
  /** Connected, greeted and past LHLO. */
  client(): Promise<Wire>
  stop(): Promise<void>
}

export async function openLmtpHouse(
  settings: Partial<LmtpSettings> = {},
  spooling: Partial<SpoolSettings> = {},
): Promise<LmtpHouse> {
  const directory = await mkdtemp(join(tmpdir(), 'mailweir-lmtp-'))
  const table = tableArrival()
  const logged: string[] = []
  const spool = createSpool(spoolSettings.parse({ directory: join(directory, 'spool'), ...spooling }))
  await spool.prepare()
  const server = createLmtpServer({
    arrival: table.arrival,
    spool,
    hostName: 'mx.test',
    settings: lmtpSettings.parse(settings),
    log: (level, text) => logged.push(`${level}: ${text}`),
  })
  const address: ListenAddress = { kind: 'unix', path: join(directory, 'lmtp.sock') }
  await server.listen(address)
  const client = async (): Promise<Wire> => {
    const wire = await Wire.open(address)
    await wire.reply()
    await wire.ask('LHLO client.test')
    return wire
  }
  const stop = async (): Promise<void> => {
    await server.close({ graceMs: 0 })
    await rm(directory, { recursive: true, force: true })
  }
  return { server, address, table, directory, logged, client, stop }
}
