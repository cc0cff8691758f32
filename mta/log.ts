// What the ways in tell the service's log. They know no logger: the service passes one in.

/** `about` holds what a person would look for: peer, message id, the fault. Never throws. */
export type Log = (level: 'info' | 'warn' | 'error', text: string, about: Readonly<Record<string, unknown>>) => void
