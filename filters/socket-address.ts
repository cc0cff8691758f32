// How a server is named in the settings: `unix:/run/clamav/clamd.ctl`, `127.0.0.1:3310`, `[::1]:3310`, `scanner.example:3310`.
// clamd and spamd share this one notation. What is no such name is null, so that the settings can say so.
import { z } from 'zod'

export type SocketAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }

/** sun_path of a unix socket holds 108 bytes with its NUL; longer paths would be cut without a word. */
const MAX_UNIX_PATH_BYTES = 107

export function parseSocketAddress(text: string): SocketAddress | null {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length)
    const fits = path.startsWith('/') && !path.includes('\0') && Buffer.byteLength(path) <= MAX_UNIX_PATH_BYTES
    return fits ? { kind: 'unix', path } : null
  }
  const parts = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})$/.exec(text)
  const host = parts?.[1] ?? parts?.[2]
  const port = Number(parts?.[3])
  return host !== undefined && port >= 1 && port <= 65535 ? { kind: 'tcp', host, port } : null
}

/** For text that the settings have already checked. */
export function socketAddressOf(text: string): SocketAddress {
  const address = parseSocketAddress(text)
  if (!address) throw new Error(`not a socket address: ${text}`)
  return address
}

/** A settings field in this notation. */
export function socketField(defaultAddress: string) {
  return z
    .string()
    .refine(text => parseSocketAddress(text) !== null, 'must be unix:/absolute/path or host:port')
    .default(defaultAddress)
}
