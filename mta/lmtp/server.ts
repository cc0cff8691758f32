// The LMTP way in: listens on unix sockets and TCP, gives each client a connection and counts them. Closing is
// gentle: idle clients are told to come back, messages under way are answered first, and what is not done after the
// grace is cut off without an answer, so that its sender still has it.
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import type { Arrival } from '../../mail/arrival.js'
import { listenOn } from '../listen-address.js'
import type { ListenAddress } from '../listen-address.js'
import type { Log } from '../log.js'
import type { Spool } from '../spool.js'
import { LmtpConnection } from './connection.js'
import { lineOf } from './session.js'
import type { LmtpSettings } from './settings.js'

/** Node 22 and later would keep four times as much for each of many connections. */
const SOCKET_BUFFER_BYTES = 16 * 1024

export type LmtpServerTerms = {
  readonly arrival: Arrival
  readonly spool: Spool
  readonly hostName: string
  readonly settings: LmtpSettings
  readonly log: Log
}

export type LmtpServer = {
  /** May be called for several addresses. Gives back the address with the port that the system chose. */
  listen(address: ListenAddress): Promise<ListenAddress>
  /** Resolves when the last connection is gone, at the latest after the grace. */
  close(options: { graceMs: number }): Promise<void>
  connectionCount(): number
}

export function createLmtpServer(terms: LmtpServerTerms): LmtpServer {
  const listeners: Server[] = []
  const connections = new Map<Socket, LmtpConnection>()

  function connected(socket: Socket, isUnix: boolean): void {
    if (connections.size >= terms.settings.maxConnections) {
      turnAway(socket, terms.log)
      return
    }
    connections.set(socket, new LmtpConnection(socket, { ...terms, isUnix }))
    socket.once('close', () => connections.delete(socket))
  }

  async function listen(address: ListenAddress): Promise<ListenAddress> {
    const isUnix = address.kind === 'unix'
    const options = { allowHalfOpen: true, noDelay: !isUnix, highWaterMark: SOCKET_BUFFER_BYTES }
    const server = createServer(options, socket => connected(socket, isUnix))
    await listenOn(server, address, terms.settings.socketMode)
    server.on('error', fault => terms.log('error', 'a fault while listening for LMTP', { address, fault }))
    listeners.push(server)
    const bound = server.address()
    return address.kind === 'tcp' && bound !== null && typeof bound === 'object'
      ? { ...address, port: bound.port }
      : address
  }

  async function close(options: { graceMs: number }): Promise<void> {
    const closed = listeners.map(server => new Promise<void>(resolve => server.close(() => resolve())))
    for (const connection of connections.values()) connection.stop()
    const cutOff = setTimeout(() => {
      for (const connection of connections.values()) connection.destroy()
    }, options.graceMs)
    await Promise.all(closed)
    clearTimeout(cutOff)
  }

  return { listen, close, connectionCount: () => connections.size }
}

function turnAway(socket: Socket, log: Log): void {
  log('warn', 'too many LMTP connections', { peer: socket.remoteAddress ?? 'unix' })
  socket.on('error', () => socket.destroy())
  socket.setTimeout(1000, () => socket.destroy())
  socket.resume()
  socket.end(lineOf('tooManyConnections'))
}
