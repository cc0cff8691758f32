// One of two workers that share a listening socket: argv has the socket's path. Answers each recipient with its name.
import cluster from 'node:cluster'
import process from 'node:process'
import { createLmtpServer } from '../../mta/lmtp/server.js'
import { lmtpSettings } from '../../mta/lmtp/settings.js'
import { spoolSettings } from '../../mta/spool-settings.js'
import { createSpool } from '../../mta/spool.js'

const path = process.argv[2]!
const delivered = { kind: 'delivered', text: `worker ${cluster.worker?.id ?? 'none'}` } as const
const server = createLmtpServer({
  arrival: {
    checkRecipient: () => Promise.resolve(delivered),
    handleMessage: (_spooled, { recipients }) => Promise.resolve(recipients.map(() => delivered)),
  },
  spool: createSpool(spoolSettings.parse({})),
  hostName: 'mx.test',
  settings: lmtpSettings.parse({ socketMode: 0o600 }),
  log: () => undefined,
})
await server.listen({ kind: 'unix', path })
process.send?.('listening')
process.on('message', () => void server.close({ graceMs: 1000 }).then(() => process.exit(0)))
