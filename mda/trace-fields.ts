// The lines a final delivery puts in front of a message (RFC 5321 4.4), and whether a message comes round in circles.
// Values in, bytes out. What the peer said of itself is cleaned: it must not end a field or open a comment.
import { formatAddress, type Address } from '../mail/address.js'
import type { Client, Envelope } from '../mail/envelope.js'
import { valuesOf, type Header } from '../mail/header.js'
import { MAX_RECEIVED_FIELDS } from '../mail/limits.js'

const MAX_NAME_LENGTH = 255

/**
 * Return-Path, Delivered-To and Received, each with its line end. Nothing for the pipe: there the MTA has written
 * them, as its flags say.
 */
export function traceFields(envelope: Envelope, recipient: Address, hostName: string): Buffer {
  const { client, sender, id, receivedAt } = envelope
  if (client.arrival === 'pipe') return Buffer.alloc(0)
  const to = formatAddress(recipient)
  // RFC 3848 names: whether the client of the SMTP front said EHLO is not known here, and SMTP is true of both.
  const protocol = client.arrival === 'lmtp' ? 'LMTP' : 'SMTP'
  const date = receivedAt.toUTCString().replace('GMT', '+0000')
  return Buffer.from(
    `Return-Path: <${sender === null ? '' : formatAddress(sender)}>\n` +
      `Delivered-To: ${to}\n` +
      `Received: from ${domainLike(client.heloName ?? '') || 'unknown'} (${peerLike(client)})\n` +
      `\tby ${domainLike(hostName) || 'localhost'} (Mailweir) with ${protocol} id ${id}\n` +
      `\tfor <${to}>; ${date}\n`,
  )
}

/**
 * The message has been here before: a Delivered-To names this recipient already (compared without case), or it has
 * more Received fields than any honest way has stations. Towards the pipe the MTA may have written one Delivered-To
 * for this very delivery, so there it takes two.
 */
export function isLooping(header: Header, recipient: Address, arrival: Client['arrival']): boolean {
  if (valuesOf(header, 'Received').length > MAX_RECEIVED_FIELDS) return true
  const own = formatAddress(recipient).toLowerCase()
  const seen = valuesOf(header, 'Delivered-To').filter(value => bare(value).toLowerCase() === own).length
  return seen > (arrival === 'pipe' ? 1 : 0)
}

function bare(value: string): string {
  return /^<(.*)>$/.exec(value)?.[1] ?? value
}

function domainLike(name: string): string {
  return name.slice(0, MAX_NAME_LENGTH).replace(/[^A-Za-z0-9.\-_:[\]\u00a0-\u{10ffff}]/gu, '?')
}

/** RFC 5321 4.4, TCP-info: an address literal in brackets, IPv6 marked. */
function peerLike(client: Client): string {
  const peer = domainLike(client.peer)
  if (/^\d+\.\d+\.\d+\.\d+$/.test(peer)) return `[${peer}]`
  return peer.includes(':') && !peer.startsWith('[') ? `[IPv6:${peer}]` : peer || 'unknown'
}
