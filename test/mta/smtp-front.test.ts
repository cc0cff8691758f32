import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { LineEnds } from '../../mta/smtp/line-ends.js'
import { createSmtpFront } from '../../mta/smtp/server.js'
import type { SmtpFront } from '../../mta/smtp/server.js'
import { smtpSettings } from '../../mta/smtp/settings.js'
import type { SmtpSettings } from '../../mta/smtp/settings.js'
import { spoolSettings } from '../../mta/spool-settings.js'
import type { SpoolSettings } from '../../mta/spool-settings.js'
import { createSpool } from '../../mta/spool.js'
import { until } from '../servers/until.js'
import { describeHanded, tableArrival } from './table-arrival.js'
import type { TableArrival } from './table-arrival.js'
import { Wire } from './wire.js'

type Front = {
  readonly front: SmtpFront
  readonly table: TableArrival
  readonly client: () => Promise<Wire>
  /** Connected, greeted and past EHLO. */
  readonly greeted: () => Promise<Wire>
}

async function withFront(
  body: (front: Front) => Promise<void>,
  settings: Partial<SmtpSettings> = {},
  spooling: Partial<SpoolSettings> = {},
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'mailweir-smtp-'))
  const table = tableArrival()
  const front = createSmtpFront({
    arrival: table.arrival,
    spool: createSpool(spoolSettings.parse({ directory, ...spooling })),
    hostName: 'mx.test',
    settings: smtpSettings.parse({ domains: ['example.net', 'bücher.example'], ...settings }),
    log: () => undefined,
  })
  const address = await front.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 })
  const client = () => Wire.open(address)
  const greeted = async (): Promise<Wire> => {
    const wire = await client()
    assert.equal(await wire.reply(), '220 mx.test ESMTP Mailweir')
    await wire.ask('EHLO client.test')
    return wire
  }
  try {
    await body({ front, table, client, greeted })
  } finally {
    await front.close({ graceMs: 1 })
    await rm(directory, { recursive: true, force: true })
  }
}

async function untilData(wire: Wire, recipient = 'anna@example.net'): Promise<void> {
  assert.match(await wire.ask('MAIL FROM:<joe@example.org>'), /^250 /)
  assert.match(await wire.ask(`RCPT TO:<${recipient}>`), /^250 /)
  assert.match(await wire.ask('DATA'), /^354 /)
}

test('a message for our domain is taken, its dots and line ends undone, and handed on as SMTP mail', async () => {
  await withFront(async ({ greeted, table }) => {
    const wire = await greeted()
    await untilData(wire)
    wire.send('Subject: hello\r\n\r\n..dot\r\n...\r\nlone \r cr\r\r\n.\r\n')
    assert.equal(await wire.reply(), '250 2.0.0 delivered to anna')
    const [handed] = table.handed
    assert.ok(handed)
    const body = 'Subject: hello\n\n.dot\n..\nlone \r cr\r\n'
    const expected = `by smtp from <joe@example.org> to anna@example.net: ${JSON.stringify(body)}`
    assert.equal(describeHanded(handed), expected)
    assert.deepEqual(handed.envelope.client, { arrival: 'smtp', peer: '127.0.0.1', heloName: 'client.test' })
    assert.match(await wire.ask('QUIT'), /^221 /)
  })
})

test('what is offered is what is meant: no AUTH, no STARTTLS, our size', async () => {
  await withFront(async ({ client }) => {
    const wire = await client()
    await wire.reply()
    const offered = await wire.ask('EHLO client.test')
    for (const word of ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'SIZE 52428800'])
      assert.ok(offered.includes(word), offered)
    assert.doesNotMatch(offered, /AUTH|STARTTLS|XCLIENT|XFORWARD|CHUNKING|DSN/)
    for (const command of ['AUTH PLAIN AGEAYg==', 'STARTTLS', 'XCLIENT ADDR=127.0.0.1', 'SHELL', 'EXPN a', 'BDAT 1']) {
      assert.match(await wire.ask(command), /^5\d\d /, command)
    }
  })
})

test('no form of address makes us a relay', async () => {
  await withFront(async ({ greeted, table }) => {
    const wire = await greeted()
    await wire.ask('MAIL FROM:<joe@example.net>')
    const foreign = [
      'victim@example.org',
      'victim@example.net.example.org',
      'victim@sub.example.net',
      'victim@[127.0.0.1]',
      'victim@[IPv6:::1]',
      'victim@',
      'victim',
      'postmaster@example.org',
      '@example.net:victim@example.org',
      '@example.net,@example.org:victim@example.org',
      'victim%example.org@example.net',
      'example.org!victim@example.net',
      'victim@example.org@example.net',
      '"victim@example.org"@example.net',
      '"victim%example.org"@example.net',
      'victim:example.org@example.net',
      'victim@example.org,anna@example.net',
      'victim@example.net@example.org',
      'victim@example.net\\@example.org',
      'victim@example.net>,<anna@example.org',
      'victim@EXAMPLE.NET.',
      'victim@example.net\0.example.org',
      'victim@例え.example.net',
    ]
    for (const address of foreign) assert.match(await wire.ask(`RCPT TO:<${address}>`), /^5\d\d /, address)
    assert.match(await wire.ask('DATA'), /^503 /)
    assert.deepEqual(table.handed, [])
  })
})

test('our domains are known in either case and either form, and bare postmaster is ours', async () => {
  const spellings: [string, string][] = [
    ['anna@EXAMPLE.Net', 'anna@example.net'],
    ['anna@xn--bcher-kva.example', 'anna@bücher.example'],
    ['Postmaster', 'Postmaster@example.net'],
    ['@relay.example:anna@example.net', 'anna@example.net'],
  ]
  await withFront(async ({ greeted, table }) => {
    const wire = await greeted()
    for (const [given, handed] of spellings) {
      await untilData(wire, given)
      assert.match(await wire.ask('hello\r\n.'), /^250 /)
      assert.match(describeHanded(table.handed.at(-1)!), new RegExp(` to ${handed}: `))
    }
  })
})

test('the second recipient is told to come in a message of its own, so that one reply is right for everybody', async () => {
  await withFront(async ({ greeted, table }) => {
    const wire = await greeted()
    wire.send(
      'MAIL FROM:<>\r\nRCPT TO:<nobody@example.net>\r\nRCPT TO:<full@example.net>\r\nRCPT TO:<anna@example.net>\r\nDATA\r\n',
    )
    const replies = []
    for (let count = 0; count < 5; count++) replies.push(await wire.reply())
    assert.match(replies[0]!, /^250 /)
    assert.equal(replies[1], '550 5.1.1 no such mailbox here')
    assert.match(replies[2]!, /^250 /)
    assert.equal(replies[3], '452 4.5.3 one recipient a message, send the rest in another one')
    assert.match(replies[4]!, /^354 /)
    assert.equal(await wire.ask('hello\r\n.'), '452 4.2.2 the mailbox is full')
    assert.equal(describeHanded(table.handed[0]!), 'by smtp from <> to full@example.net: "hello\\n"')
    await untilData(wire, 'infected@example.net')
    assert.equal(await wire.ask('hello\r\n.'), '554 5.7.0 virus Eicar in 1.2 offer.zip > run.exe')
    await untilData(wire, 'explodes@example.net')
    assert.equal(await wire.ask('hello\r\n.'), '451 4.3.0 a fault on our side, try again later')
    await wire.ask('MAIL FROM:<joe@example.org>')
    assert.equal(await wire.ask('RCPT TO:<throws@example.net>'), '451 4.3.0 a fault on our side, try again later')
  })
})

test('unknown parameters and UTF-8 addresses without SMTPUTF8 are refused', async () => {
  await withFront(async ({ greeted }) => {
    const wire = await greeted()
    assert.equal(await wire.ask('MAIL FROM:<joe@example.org> AUTH=<>'), '555 5.5.4 parameter not known')
    assert.equal(await wire.ask('MAIL FROM:<joe@example.org> FOO=bar'), '555 5.5.4 parameter not known')
    assert.match(await wire.ask('MAIL FROM:<jörg@example.org>'), /^553 5\.6\.7 /)
    assert.match(await wire.ask('MAIL FROM:<jörg@example.org> SMTPUTF8 BODY=8BITMIME'), /^250 /)
    assert.equal(await wire.ask('RCPT TO:<anna@example.net> NOTIFY=NEVER'), '555 5.5.4 parameter not known')
  })
})

const FORGED = 'MAIL FROM:<evil@example.org>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\nforged\r\n.\r\n'

for (const end of ['\n.\n', '\n.\r\n', '\r\n.\n', '\n\n.\r\n', '\r.\n']) {
  test(`${JSON.stringify(end)} in a message is refused by SMTP too, wherever the packets end`, async () => {
    const wireBytes = `hello${end}${FORGED}`
    for (let cut = 4; cut <= 6 + end.length; cut++) {
      await withFront(async ({ greeted, table }) => {
        const wire = await greeted()
        await untilData(wire)
        wire.send(wireBytes.slice(0, cut))
        await sleep(15)
        wire.send(wireBytes.slice(cut))
        assert.equal(await wire.rest(), '521 5.5.2 bare <LF> received\r\n')
        assert.deepEqual(table.handed, [])
      })
    }
  })
}

for (const end of ['\r.\r', '\r\n.\r', '\r.\r\n', '\r\n.\r\r\n']) {
  test(`${JSON.stringify(end)} does not end a message by SMTP`, async () => {
    await withFront(async ({ greeted, table }) => {
      const wire = await greeted()
      await untilData(wire)
      wire.send(`hello${end}${FORGED}`)
      assert.match(await wire.reply(), /^250 /)
      assert.equal(table.handed.length, 1)
      assert.ok(table.handed[0]?.body.toString().endsWith('DATA\nforged\n'))
      assert.match(await wire.ask('NOOP'), /^250 /)
    })
  })
}

test('a bare LF at the end of a command is refused by SMTP too', async () => {
  await withFront(async ({ greeted }) => {
    const wire = await greeted()
    wire.send('MAIL FROM:<joe@example.org>\nRCPT TO:<anna@example.net>\r\n')
    assert.equal(await wire.rest(), '521 5.5.2 bare <LF> received\r\n')
  })
})

test('a message that is too large is refused, declared or not, and the session goes on', async () => {
  await withFront(
    async ({ greeted, table }) => {
      const wire = await greeted()
      assert.match(await wire.ask('MAIL FROM:<joe@example.org> SIZE=70000'), /^552 /)
      await untilData(wire)
      wire.send(`${`${'x'.repeat(98)}\r\n`.repeat(700)}.\r\n`)
      assert.equal(await wire.reply(), '552 5.3.4 message too large')
      await untilData(wire)
      wire.send(`${`${'x'.repeat(98)}\r\n`.repeat(600)}.\r\n`)
      assert.match(await wire.reply(), /^250 /)
      assert.deepEqual(
        table.handed.map(({ body }) => body.length),
        [600 * 99],
      )
    },
    {},
    { maxMessageBytes: 65_536, memoryBytes: 1000 },
  )
})

test('a client that leaves in the middle of a message leaves no message', async () => {
  await withFront(async ({ greeted, table }) => {
    for (const leave of [(wire: Wire) => wire.socket.end(), (wire: Wire) => wire.socket.resetAndDestroy()]) {
      const wire = await greeted()
      await untilData(wire)
      wire.send('Subject: half\r\n\r\nof it\r\n')
      await sleep(20)
      leave(wire)
    }
    await sleep(50)
    assert.deepEqual(table.handed, [])
  })
})

test('connections have a number and a time', async () => {
  await withFront(
    async ({ greeted, client }) => {
      const first = await greeted()
      const second = await client()
      assert.match(await second.reply(), /^421 /)
      assert.match(await first.rest(), /^421 /)
    },
    { maxConnections: 1, idleTimeoutMs: 1000 },
  )
})

test('at shutdown an idle SMTP client is told, and a message under way is answered first', async () => {
  await withFront(async ({ greeted, front, table }) => {
    const idle = await greeted()
    const sending = await greeted()
    await untilData(sending, 'slow@example.net')
    sending.send('first half\r\n')
    await sleep(20)
    const closed = front.close({ graceMs: 10_000 })
    assert.equal(await idle.rest(), '421 4.3.2 shutting down, come back soon\r\n')
    sending.send('second half\r\n.\r\n')
    await sleep(20)
    table.release()
    assert.equal(await sending.rest(), '250 2.0.0 delivered to slow\r\n421 4.3.2 shutting down, come back soon\r\n')
    idle.close()
    sending.close()
    await closed
    await until('the message handed over', () => table.handed.length === 1)
    assert.equal(table.handed[0]?.body.toString(), 'first half\nsecond half\n')
  })
})

test('CRLF becomes LF however the pieces are cut, and every other CR stays', () => {
  const text = 'a\r\nb\rc\r\r\nd\r\n\r\n\r'
  for (let first = 0; first <= text.length; first++) {
    for (let second = first; second <= text.length; second++) {
      const lineEnds = new LineEnds()
      const pieces = [text.slice(0, first), text.slice(first, second), text.slice(second)]
      const read = pieces.map(piece => lineEnds.read(Buffer.from(piece)).toString())
      assert.equal(read.join('') + lineEnds.rest().toString(), 'a\nb\rc\r\nd\n\n\r', JSON.stringify(pieces))
    }
  }
})
