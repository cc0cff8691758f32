// Mail from a real client through a real Postfix, by pipe(8) and by lmtp(8), with real scanners behind the service:
// what lies in the Maildir, what the sender is told, what stays in Postfix's queue.
import assert from 'node:assert/strict'
import { chownSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startClamd } from '../servers/clamd.js'
import type { ClamdServer } from '../servers/clamd.js'
import { installation, publicFolder } from '../servers/installation.js'
import { MAIL_USER, startMailweir } from '../servers/mailweir.js'
import type { Mailweir } from '../servers/mailweir.js'
import { startPostfix } from '../servers/postfix.js'
import type { Postfix } from '../servers/postfix.js'
import { startSpamd } from '../servers/spamd.js'
import type { SpamdServer } from '../servers/spamd.js'
import { eicar, gtube } from '../servers/test-virus.js'
import { until } from '../servers/until.js'

const SENDER = 'sender@lmtp.example'
const SITE_FILTER = `if (/^X-Spam-Flag: YES/)
{
  to "Maildir/.Junk"
}
`

let clamd: ClamdServer
let spamd: SpamdServer
let mailweir: Mailweir
let postfix: Postfix

before(async () => {
  const directory = publicFolder('postfix')
  clamd = await startClamd({ directory })
  spamd = await startSpamd({ directory: publicFolder('spamd') })
  mailweir = await startMailweir({
    directory,
    maildroprc: SITE_FILTER,
    settings: `[clamd]\nsocket = "${clamd.tcpSocket}"\nconnectTimeoutMs = 1000\ntotalTimeoutMs = 4000\n[spamd]\nsocket = "${spamd.tcpSocket}"\ntotalTimeoutMs = 20000\n`,
  })
  for (const domain of ['pipe.example', 'lmtp.example']) mailweir.addUser(`joe@${domain}`)
  mailweir.addUser(SENDER)
  postfix = await startPostfix({
    directory: publicFolder('queue'),
    pipeCommand: `user=${MAIL_USER ?? 'nobody'} argv=${join(installation(), 'bin', 'maildrop')} --socket ${mailweir.socketPath} -d \${recipient}`,
    lmtpSocket: mailweir.socketPath,
  })
})

after(async () => {
  postfix.stop()
  await mailweir.stop()
  await spamd.stop()
  await clamd.stop()
})

let sent = 0

/** swaks writes the last line end. */
function mail(subject: string, body: string, headers = ''): string {
  return `From: <${SENDER}>\nTo: <joe@example.org>\nSubject: ${subject}\nMessage-ID: <${++sent}.${Date.now()}@test.example>\n${headers}\n${body}`
}

/** Postfix's line about the end of a delivery that says so much. */
function logLine(...words: string[]): string | undefined {
  return postfix
    .log()
    .split('\n')
    .findLast(line => words.every(word => line.includes(word)))
}

async function queueIsEmpty(): Promise<void> {
  await until('the queue is empty', () => postfix.queue().length === 0, 20_000)
}

for (const [domain, way] of [
  ['pipe.example', 'delivered via maildrop service'],
  ['lmtp.example', '250 2.0.0'],
] as const) {
  const recipient = `joe@${domain}`

  describe(`from Postfix for ${domain}`, () => {
    test('a clean mail lies in the inbox, byte for byte, with the scan stamped on it', async () => {
      const data = mail(`clean ${domain}`, 'Hello Joe,\n.a line that begins with a dot\nÜmlauts too')
      postfix.send({ from: SENDER, to: [recipient], data })
      await until('it is delivered', () => mailweir.messagesIn(recipient).length === 1)
      const [delivered = ''] = mailweir.messagesIn(recipient)
      assert.match(delivered, /^X-Virus-Scanned: Mailweir/m)
      assert.match(delivered, /^X-Spam-Flag: NO$/m)
      assert.match(delivered, new RegExp(`^Delivered-To: ${recipient}$`, 'm'))
      assert.equal(delivered.match(/^Return-Path: /gm)?.length, 1)
      const body = delivered.slice(delivered.indexOf('\n\n') + 2)
      assert.equal(body, Buffer.from('Hello Joe,\n.a line that begins with a dot\nÜmlauts too\n').toString('latin1'))
      await queueIsEmpty()
      assert.match(logLine(`to=<${recipient}>`, 'status=sent') ?? '', new RegExp(way))
      assert.match(mailweir.maildropLog(), new RegExp(`^Subj: clean ${domain}\\nFile: .*Maildir`, 'm'))
    })

    test('the test virus is bounced with our words, and the mailbox never sees it', async () => {
      const mailbox = mailweir.messagesIn(recipient).length
      const bounces = mailweir.messagesIn(SENDER).length
      postfix.send({ from: SENDER, to: [recipient], data: mail('offer', eicar().toString('latin1')) })
      await until('the sender has the bounce', () => mailweir.messagesIn(SENDER).length === bounces + 1)
      assert.match(logLine(`to=<${recipient}>`, 'status=bounced') ?? '', /dsn=5\.7\.1.*Eicar-Test-Signature/)
      assert.equal(mailweir.messagesIn(recipient).length, mailbox)
      await queueIsEmpty()
    })

    test('spam goes to Junk and nowhere else', async () => {
      const inbox = mailweir.messagesIn(recipient).length
      postfix.send({ from: SENDER, to: [recipient], data: mail('won', gtube()) })
      await until('it lies in Junk', () => mailweir.messagesIn(recipient, '.Junk').length === 1)
      assert.match(mailweir.messagesIn(recipient, '.Junk')[0] ?? '', /^X-Spam-Flag: YES$/m)
      assert.equal(mailweir.messagesIn(recipient).length, inbox)
    })

    test('a forged mark from outside is taken off: the mail stays in the inbox', async () => {
      const inbox = mailweir.messagesIn(recipient).length
      const data = mail('forged', 'harmless', 'x-spam-flag : YES\nX-Virus-Scanned: by nobody\n')
      postfix.send({ from: SENDER, to: [recipient], data })
      await until('it is delivered', () => mailweir.messagesIn(recipient).length === inbox + 1)
      const delivered = mailweir.messagesIn(recipient).find(text => text.includes('Subject: forged')) ?? ''
      assert.doesNotMatch(delivered, /x-spam-flag :|by nobody/i)
    })

    test('an unknown recipient bounces as such', async () => {
      const bounces = mailweir.messagesIn(SENDER).length
      postfix.send({ from: SENDER, to: [`nobody-here@${domain}`], data: mail('hello', 'is there anybody?') })
      await until('the sender has the bounce', () => mailweir.messagesIn(SENDER).length === bounces + 1)
      assert.match(logLine(`to=<nobody-here@${domain}>`, 'status=bounced') ?? '', /dsn=5\.1\.1/)
    })

    test("a fault in a user's filter keeps the mail in the queue, and says where the fault is", async () => {
      const home = mailweir.addUser(`typo@${domain}`)
      const filter = join(home, '.mailfilter')
      writeFileSync(filter, 'if (/^Subject: x/)\n{\n  to "Maildir/.X\n}\n', { mode: 0o600 })
      chownSync(filter, statSync(home).uid, statSync(home).gid)
      postfix.send({ from: SENDER, to: [`typo@${domain}`], data: mail('kept', 'not lost') })
      await until('it is deferred', () => logLine(`to=<typo@${domain}>`, 'status=deferred') !== undefined)
      assert.match(logLine(`to=<typo@${domain}>`, 'status=deferred') ?? '', /dsn=4\.3\.5.*\.mailfilter:\d+:\d+/)
      assert.match(mailweir.log(), /\.mailfilter:\d+:\d+/)
      writeFileSync(filter, 'to "Maildir/.X"\n')
      postfix.flush()
      await until('it is delivered', () => mailweir.messagesIn(`typo@${domain}`, '.X').length === 1)
      await queueIsEmpty()
    })

    test('a filter refuses with words that the sender sees', async () => {
      const home = mailweir.addUser(`strict@${domain}`)
      const filter = join(home, '.mailfilter')
      writeFileSync(filter, 'echo "5.7.1 no advertisements please"\nEXITCODE=77\nexit\n', { mode: 0o600 })
      chownSync(filter, statSync(home).uid, statSync(home).gid)
      postfix.send({ from: SENDER, to: [`strict@${domain}`], data: mail('advertisement', 'buy') })
      await until('it is bounced', () => logLine(`to=<strict@${domain}>`, 'status=bounced') !== undefined)
      assert.match(logLine(`to=<strict@${domain}>`, 'status=bounced') ?? '', /dsn=5\.7\.1.*no advertisements please/)
    })

    test('while clamd is stopped the mail waits in the queue, and arrives when clamd is back', async () => {
      const inbox = mailweir.messagesIn(recipient).length
      await queueIsEmpty()
      clamd.freeze()
      postfix.send({ from: SENDER, to: [recipient], data: mail('patience', 'later') })
      await until(
        'it is deferred',
        () => (logLine(`to=<${recipient}>`, 'status=deferred') ?? '').includes('clamd'),
        20_000,
      )
      assert.match(logLine(`to=<${recipient}>`, 'status=deferred') ?? '', /dsn=4\.3\.0/)
      assert.equal(mailweir.messagesIn(recipient).length, inbox)
      assert.equal(postfix.queue().length, 1)
      clamd.thaw()
      postfix.flush()
      await until('it is delivered', () => mailweir.messagesIn(recipient).length === inbox + 1, 20_000)
      await queueIsEmpty()
    })
  })
}

test('while the service is down mail waits in the queue, and arrives when it is back', async () => {
  const inbox = mailweir.messagesIn('joe@lmtp.example').length
  await mailweir.kill()
  postfix.send({ from: SENDER, to: ['joe@lmtp.example'], data: mail('service down', 'by lmtp') })
  await until('it is deferred', () => logLine('to=<joe@lmtp.example>', 'status=deferred') !== undefined)
  await mailweir.start()
  postfix.flush()
  await until('it is delivered', () => mailweir.messagesIn('joe@lmtp.example').length === inbox + 1, 20_000)
  await queueIsEmpty()
})
