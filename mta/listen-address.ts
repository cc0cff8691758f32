// Where a way in listens, as it is written in the settings: `unix:/run/mailweir/lmtp.sock`, `127.0.0.1:24`, `[::1]:24`.
import cluster from 'node:cluster'
import { chmod, stat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import type { ListenOptions, Server } from 'node:net'

export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }

/** Linux: sun_path has 108 bytes with its NUL. */
const MAX_SOCKET_PATH_BYTES = 107
/** A listening socket that does not answer for so long counts as answering: it is not ours to remove. */
const PROBE_TIMEOUT_MS = 2000

/** null: not an address that can be listened on. Port 0 lets the system choose. */
export function parseListenAddress(text: string): ListenAddress | null {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length)
    return path.startsWith('/') && Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES ? { kind: 'unix', path } : null
  }
  const parts = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text)
  const port = Number(parts?.[3])
  const host = parts?.[1] ?? parts?.[2]
  return host !== undefined && port <= 65535 ? { kind: 'tcp', host, port } : null
}

/**
 * Starts listening and resolves when connections are taken. A socket file that nobody answers on is removed first,
 * except in a cluster's workers: there the parent does it (removeStaleSocket) once, before it starts them.
 */
export async function listenOn(server: Server, address: ListenAddress, socketMode: number): Promise<void> {
  if (address.kind === 'tcp') return startListening(server, { host: address.host, port: address.port })
  if (cluster.isPrimary) await removeStaleSocket(address.path)
  await startListening(server, { path: address.path })
  const { mode } = await stat(address.path)
  if ((mode & 0o777) !== socketMode) await chmod(address.path, socketMode)
}

function startListening(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ ...options, backlog: 1024 }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Removes what a killed process left at that path. A file that is no socket, or that somebody answers on, stays. */
export async function removeStaleSocket(path: string): Promise<void> {
  const found = await stat(path).catch(() => null)
  if (found?.isSocket() && (await isRefused(path))) await unlink(path)
}

function isRefused(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const probe = connect(path)
    const answer = (refused: boolean): void => {
      probe.destroy()
      resolve(refused)
    }
    probe.setTimeout(PROBE_TIMEOUT_MS, () => answer(false))
    probe.once('connect', () => answer(false))
    probe.once('error', fault => answer((fault as NodeJS.ErrnoException).code === 'ECONNREFUSED'))
  })
}
