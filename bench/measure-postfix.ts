// The whole way: smtpd, queue, then pipe(8) or lmtp(8), counted until the last message lies in a Maildir.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { checkout } from '../test/servers/installation.js'
import { startPostfix } from '../test/servers/postfix.js'
import type { Postfix } from '../test/servers/postfix.js'
import { until } from '../test/servers/until.js'
import { startDovecot } from './dovecot.js'
import { maildropRules, trivialRules } from './rules.js'
import { makeMaildir, messagesBelow, settle } from './scratch.js'
import type { Bench } from './scratch.js'
import { startOurs } from './ours.js'

const MESSAGES = 500
const ROUNDS = 3

type Way = { name: string; postfix: Postfix; recipient: string; mailboxes: string; rates: number[] }

export async function measurePostfix(bench: Bench): Promise<void> {
  for (const [title, rules, sieve] of [
    ['one trivial rule', trivialRules, 'trivial'],
    ['62 rules', maildropRules, '62'],
  ] as const) {
    const maildir = join(bench.user.home, 'Maildir')
    makeMaildir(maildir, bench.user)
    writeFileSync(join(bench.user.home, '.mailfilter'), rules(maildir), { mode: 0o600 })
    execFileSync('chown', [bench.user.name, join(bench.user.home, '.mailfilter')])
    const ours = await startOurs(bench, rules('Maildir'))
    const dovecot = await startDovecot(bench.scratch, bench.user, sieve)
    const client = `${join(checkout, 'bin', 'maildrop')} --socket ${ours.socketPath} -d \${recipient}`
    const withUs = await startPostfix({
      directory: join(bench.scratch, 'postfix-ours'),
      pipeCommand: `user=${bench.user.name} argv=${client}`,
      lmtpSocket: ours.socketPath,
    })
    const withPeers = await startPostfix({
      directory: join(bench.scratch, 'postfix-peers'),
      pipeCommand: `user=${bench.user.name} argv=/usr/bin/maildrop -d ${bench.user.name}`,
      lmtpSocket: dovecot.socketPath,
    })
    try {
      await compare(`Postfix -> pipe, ${title}`, bench, [
        { name: 'Mailweir', postfix: withUs, recipient: 'user%d@pipe.example', mailboxes: ours.homes, rates: [] },
        { name: 'maildrop 2.9.3', postfix: withPeers, recipient: 'user%d@pipe.example', mailboxes: maildir, rates: [] },
      ])
      await compare(`Postfix -> LMTP, ${title}`, bench, [
        { name: 'Mailweir', postfix: withUs, recipient: 'user%d@lmtp.example', mailboxes: ours.homes, rates: [] },
        {
          name: 'Dovecot + Pigeonhole',
          postfix: withPeers,
          recipient: 'user%d@lmtp.example',
          mailboxes: dovecot.home,
          rates: [],
        },
      ])
    } finally {
      withUs.stop()
      withPeers.stop()
      await dovecot.stop()
      await ours.stop()
    }
  }
}

async function compare(title: string, bench: Bench, ways: Way[]): Promise<void> {
  for (let round = 0; round <= ROUNDS; round++) {
    for (const way of ways) {
      const rate = await deliveredPerSecond(bench, way)
      if (round > 0) way.rates.push(rate)
    }
  }
  process.stdout.write(`\n${title}\n`)
  const medians = ways.map(way => way.rates.sort((a, b) => a - b)[Math.floor(way.rates.length / 2)]!)
  for (const [index, way] of ways.entries()) {
    const ratio = index === ways.length - 1 ? '' : `   ${(medians[index]! / medians.at(-1)!).toFixed(2)} x`
    process.stdout.write(`  ${way.name.padEnd(34)} ${medians[index]!.toFixed(0).padStart(6)}/s${ratio}\n`)
  }
}

async function deliveredPerSecond(bench: Bench, way: Way): Promise<number> {
  const before = messagesBelow(way.mailboxes)
  settle(way.mailboxes)
  const begin = performance.now()
  execFileSync(process.execPath, [
    bench.load,
    'smtp',
    `127.0.0.1:${way.postfix.port}`,
    bench.corpus,
    String(MESSAGES),
    '10',
    way.recipient,
  ])
  await until(
    `${MESSAGES} messages are delivered by ${way.name}`,
    () => messagesBelow(way.mailboxes) >= before + MESSAGES,
    120_000,
  )
  return (MESSAGES / (performance.now() - begin)) * 1000
}
