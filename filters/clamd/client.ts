// Asks clamd: content goes in as it is read, a ScanResult comes out. Each question has its own connection (INSTREAM).
// Nothing that clamd does or fails to do throws; every wait ends by a deadline and is then `failed`.
// Only the content's own error is thrown on: whoever made the content knows what it means.
import { Connection, type Answer, type Failed } from '../connection.js'
import { chunksUntil, startDeadline } from '../deadline.js'
import { Slots } from '../slots.js'
import { socketAddressOf, type SocketAddress } from '../socket-address.js'
import * as protocol from './protocol.js'
import type { ScanResult, Version } from './protocol.js'
import type { ClamdSettings } from './settings.js'

export interface Clamd {
  /** `sizeBytes` only where it is known for certain, never where an archive claims it: what is too large is then not sent at all. */
  scan(content: AsyncIterable<Buffer>, signal: AbortSignal, sizeBytes?: number): Promise<ScanResult>
  version(signal: AbortSignal): Promise<({ readonly kind: 'version' } & Version) | Failed>
  /** Returns when clamd has taken the order; it loads in the background. */
  reload(signal: AbortSignal): Promise<{ readonly kind: 'reloading' } | Failed>
  ping(signal: AbortSignal): Promise<{ readonly kind: 'alive' } | Failed>
}

export function createClamd(settings: ClamdSettings): Clamd {
  const address = socketAddressOf(settings.socket)
  const slots = new Slots(settings.maxConcurrentScans)
  return {
    scan: (content, signal, sizeBytes = 0) => scan(settings, address, slots, content, signal, sizeBytes),
    version: async signal => {
      const answer = await ask(settings, address, 'VERSION', signal)
      if (answer.kind === 'failed') return answer
      const version = protocol.parseVersionReply(answer.bytes)
      return version ? { kind: 'version', ...version } : { kind: 'failed', why: protocol.unusable(answer.bytes) }
    },
    reload: async signal => {
      const answer = await ask(settings, address, 'RELOAD', signal)
      return expecting('RELOADING', answer) ?? { kind: 'reloading' }
    },
    ping: async signal => {
      const answer = await ask(settings, address, 'PING', signal)
      return expecting('PONG', answer) ?? { kind: 'alive' }
    },
  }
}

async function ask(
  settings: ClamdSettings,
  address: SocketAddress,
  command: protocol.Command,
  signal: AbortSignal,
): Promise<Answer> {
  const deadline = deadlineOf(settings, signal)
  const connection = connectionTo(address, settings, deadline.signal)
  try {
    await connection.send(protocol.encodeCommand(command))
    return await connection.answer()
  } finally {
    connection.close()
    deadline.end()
  }
}

/** Null when the answer is the expected one. */
function expecting(text: string, answer: Answer): Failed | null {
  if (answer.kind === 'failed') return answer
  return protocol.replyText(answer.bytes) === text ? null : { kind: 'failed', why: protocol.unusable(answer.bytes) }
}

async function scan(
  settings: ClamdSettings,
  address: SocketAddress,
  slots: Slots,
  content: AsyncIterable<Buffer>,
  signal: AbortSignal,
  sizeBytes: number,
): Promise<ScanResult> {
  if (sizeBytes > settings.maxStreamBytes) return { kind: 'tooLarge' }
  const deadline = deadlineOf(settings, signal)
  try {
    return await slots.run(
      deadline.signal,
      () => instream(settings, address, content, deadline.signal),
      (why): ScanResult => ({ kind: 'failed', why }),
    )
  } finally {
    deadline.end()
  }
}

async function instream(
  settings: ClamdSettings,
  address: SocketAddress,
  content: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<ScanResult> {
  const connection = connectionTo(address, settings, signal)
  try {
    let goOn = await connection.send(protocol.encodeCommand('INSTREAM'))
    let sentBytes = 0
    if (goOn) {
      for await (const chunk of chunksUntil(signal, content)) {
        if (chunk.length === 0) continue
        sentBytes += chunk.length
        if (sentBytes > settings.maxStreamBytes) return { kind: 'tooLarge' }
        goOn = await connection.send(protocol.encodeChunkLength(chunk.length), chunk)
        if (!goOn) break
      }
    }
    const sentWhole = goOn && !signal.aborted
    if (sentWhole) await connection.send(protocol.END_OF_STREAM)
    const answer = await connection.answer()
    return answer.kind === 'failed' ? answer : protocol.parseScanReply(answer.bytes, sentWhole)
  } finally {
    connection.close()
  }
}

function deadlineOf(settings: ClamdSettings, signal: AbortSignal) {
  return startDeadline(settings.totalTimeoutMs, `no reply within ${settings.totalTimeoutMs} ms`, signal)
}

function connectionTo(address: SocketAddress, settings: ClamdSettings, signal: AbortSignal): Connection {
  const { connectTimeoutMs, sendTimeoutMs } = settings
  return new Connection(address, { connectTimeoutMs, sendTimeoutMs, maxAnswerBytes: protocol.MAX_REPLY_BYTES }, signal)
}
