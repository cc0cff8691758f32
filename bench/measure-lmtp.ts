// Delivery over LMTP on a unix socket: Dovecot with Pigeonhole against us, the same rules, mail synced to disk by both.
import process from 'node:process'
import { startDovecot } from './dovecot.js'
import { race } from './figures.js'
import type { Contender } from './figures.js'
import { maildropRules, trivialRules } from './rules.js'
import { settle } from './scratch.js'
import type { Bench } from './scratch.js'
import { startOurs } from './ours.js'

const MESSAGES = 1000

export async function measureLmtp(bench: Bench): Promise<void> {
  for (const [title, rules, sieve] of [
    ['one trivial rule', trivialRules, 'trivial'],
    ['62 rules', maildropRules, '62'],
  ] as const) {
    const ours = await startOurs(bench, rules('Maildir'))
    const dovecot = await startDovecot(bench.scratch, bench.user, sieve)
    for (const connections of [1, 10]) {
      race(`LMTP, ${title}, ${connections} connection${connections > 1 ? 's' : ''}`, [
        loaded('Mailweir', bench, connections, ours.socketPath, ours.address('%d'), () => settle(ours.homes)),
        loaded('Dovecot + Pigeonhole', bench, connections, dovecot.socketPath, 'user%d@bench.example', () =>
          settle(dovecot.home),
        ),
      ])
    }
    await dovecot.stop()
    await ours.stop()
  }
}

function loaded(
  name: string,
  bench: Bench,
  connections: number,
  socketPath: string,
  recipient: string,
  before: () => void,
): Contender {
  const args = ['lmtp', socketPath, bench.corpus, String(MESSAGES), String(connections), recipient]
  return { name, before, command: [process.execPath, bench.load, ...args] }
}
