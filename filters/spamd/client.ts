// Asks spamd about a message: the bytes go out as they are, a SpamResult comes back. Each check has its own connection.
// Nothing that spamd does or fails to do throws; every wait ends by a deadline and is then `failed`.
import { chunksOf, type Content } from '../../mail/content.js'
import { Connection } from '../connection.js'
import { chunksUntil, startDeadline } from '../deadline.js'
import { Slots } from '../slots.js'
import { socketAddressOf, type SocketAddress } from '../socket-address.js'
import * as protocol from './protocol.js'
import type { SpamResult } from './protocol.js'
import type { SpamdSettings } from './settings.js'

export interface Spamd {
  /** Whose preferences hold for a message to several recipients. */
  readonly defaultUser: string
  /** Throws only when the content cannot be read. */
  check(content: Content, user: string, signal: AbortSignal): Promise<SpamResult>
}

export function createSpamd(settings: SpamdSettings): Spamd {
  const address = socketAddressOf(settings.socket)
  const slots = new Slots(settings.maxConcurrentChecks)
  return {
    defaultUser: settings.defaultUser,
    check: async (content, user, signal) => {
      if (content.sizeBytes > settings.maxMessageBytes) return { kind: 'tooLarge' }
      const { totalTimeoutMs } = settings
      const deadline = startDeadline(totalTimeoutMs, `no reply within ${totalTimeoutMs} ms`, signal)
      const name = protocol.userNameFor(user, settings.defaultUser)
      try {
        return await slots.run(
          deadline.signal,
          () => symbols(settings, address, content, name, deadline.signal),
          (why): SpamResult => ({ kind: 'failed', why }),
        )
      } finally {
        deadline.end()
      }
    },
  }
}

async function symbols(
  settings: SpamdSettings,
  address: SocketAddress,
  content: Content,
  user: string,
  signal: AbortSignal,
): Promise<SpamResult> {
  const { connectTimeoutMs, totalTimeoutMs } = settings
  const limits = { connectTimeoutMs, sendTimeoutMs: totalTimeoutMs, maxAnswerBytes: protocol.MAX_REPLY_BYTES }
  const connection = new Connection(address, limits, signal)
  try {
    let goOn = await connection.send(protocol.encodeSymbolsRequest(content.sizeBytes, user))
    if (goOn) {
      for await (const chunk of chunksUntil(signal, chunksOf(content))) {
        goOn = await connection.send(chunk)
        if (!goOn) break
      }
    }
    connection.endSending()
    const answer = await connection.answer()
    if (answer.kind === 'failed') return answer
    const result = protocol.parseSymbolsReply(answer.bytes)
    if (result.kind === 'checked' && !goOn) return { kind: 'failed', why: 'spamd answered before it had everything' }
    return result
  } finally {
    connection.close()
  }
}
