// How a relay is written in the settings.

export type Relay = { readonly host: string; readonly port: number }

/** `host:port` or `[IPv6]:port`; null for anything else. */
export function parseRelay(text: string): Relay | null {
  const parts = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text)
  const host = parts?.[1] ?? parts?.[2]
  const port = Number(parts?.[3])
  return host !== undefined && port >= 1 && port <= 65535 ? { host, port } : null
}
