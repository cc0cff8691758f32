// Who sent a message to whom, and by which way it came in. Fixed when the message has arrived.
import type { Address } from './address.js'

/** One RCPT TO, or the one `-d` of the pipe. */
export type Recipient = { readonly address: Address }

/** The peer that handed us the message. */
export type Client = {
  /** `pipe`: the MTA has already written Return-Path and Delivered-To, as its flags say. */
  readonly arrival: 'lmtp' | 'pipe' | 'smtp'
  /** The peer's address, or `unix` for a unix socket. */
  readonly peer: string
  /** What the peer called itself in LHLO or EHLO; null when it said nothing. */
  readonly heloName: string | null
}

export type Envelope = {
  /** Our name for this arrival in log lines and Received fields: unique, letters and digits. */
  readonly id: string
  /** null: a bounce, `MAIL FROM:<>`. */
  readonly sender: Address | null
  readonly recipients: readonly Recipient[]
  readonly client: Client
  readonly receivedAt: Date
}
