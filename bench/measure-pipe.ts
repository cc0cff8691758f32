// One process per message, as Postfix's pipe(8) starts them: maildrop itself against our pipe client and the service.
import { chmodSync, chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkout } from '../test/servers/installation.js'
import { race } from './figures.js'
import type { Contender } from './figures.js'
import { maildropRules, trivialRules } from './rules.js'
import { makeMaildir, settle } from './scratch.js'
import type { Bench } from './scratch.js'
import { startOurs } from './ours.js'

const MESSAGES = 600

export async function measurePipe(bench: Bench): Promise<void> {
  const maildir = join(bench.user.home, 'Maildir')
  makeMaildir(maildir, bench.user)
  for (const [title, rules] of [
    ['one trivial rule', trivialRules],
    ['62 rules', maildropRules],
  ] as const) {
    const ours = await startOurs(bench, rules('Maildir'))
    const filter = join(bench.scratch, 'bench.mailfilter')
    writeFileSync(filter, rules(maildir))
    chmodSync(filter, 0o600)
    chownSync(filter, bench.user.uid, bench.user.gid)
    for (const parallel of [1, 4]) {
      race(`pipe, ${title}, ${parallel} at a time`, [
        spawned('Mailweir (bin/maildrop -d)', bench, parallel, () => settle(ours.homes), [
          join(checkout, 'bin', 'maildrop'),
          '--socket',
          ours.socketPath,
          '-f',
          'bench@sender.example',
          '-d',
          ours.address(1),
        ]),
        spawned('maildrop 2.9.3', bench, parallel, () => settle(maildir), ['/usr/bin/maildrop', filter]),
      ])
    }
    await ours.stop()
  }
}

/** Both run as the mail user with next to no environment, as pipe(8) does it. */
function spawned(name: string, bench: Bench, parallel: number, before: () => void, command: string[]): Contender {
  const { user } = bench
  const asUser = ['setpriv', '--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'] as const
  const environment = ['env', '-i', 'PATH=/usr/bin:/bin', `HOME=${user.home}`, 'LANG=C']
  return {
    name,
    before,
    command: [...asUser, ...environment, bench.spawn, String(MESSAGES), String(parallel), bench.corpus, ...command],
  }
}
