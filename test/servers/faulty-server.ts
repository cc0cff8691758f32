// A server that does what no real one can be made to do on demand: stays silent, talks nonsense, hangs up half-way.
// In the test's own process; what it was sent can be looked at afterwards.
import { createServer, type AddressInfo, type Socket } from 'node:net'

export type FaultyServer = {
  /** As the settings name it. */
  readonly address: string
  /** Connections accepted until now. */
  readonly connections: () => number
  /** All bytes received on all connections. */
  readonly received: () => Buffer
  readonly stop: () => Promise<void>
}

export type Script = (socket: Socket, received: () => Buffer) => void

/** `script` is run for each connection; `received` gives what that connection has sent until now. */
export async function startFaultyServer(script: Script, options = { reads: true }): Promise<FaultyServer> {
  const sockets = new Set<Socket>()
  const chunks: Buffer[] = []
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: !options.reads }, socket => {
    sockets.add(socket)
    const own: Buffer[] = []
    if (options.reads) {
      socket.on('data', (bytes: Buffer) => {
        own.push(bytes)
        chunks.push(bytes)
      })
    }
    // The client may hang up first: that is what many of these tests are about.
    socket.on('error', () => undefined)
    script(socket, () => Buffer.concat(own))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => sockets.size,
    received: () => Buffer.concat(chunks),
    stop: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}

/** Runs the script once the connection has sent something that matches. */
export function onceReceived(has: (received: Buffer) => boolean, then: (socket: Socket) => void): Script {
  return (socket, received) => {
    let done = false
    socket.on('data', () => {
      if (done || !has(received())) return
      done = true
      then(socket)
    })
  }
}
