// What `maildrop -d` promises to the MTA that runs it, whichever form of the command it is. Postfix bounces mail for
// an exit code it does not know, so nearly every claim here is: whatever happens, the answer is "later".
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { StdioOptions } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { openSync, closeSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { after, describe, it } from 'node:test'
import { startFakeService, TO_DATA, TO_END, TO_MESSAGE, undotted, WELCOME } from './fake-service.js'
import type { FakeService, Script } from './fake-service.js'
import { run, temporaryFolder } from './maildrop-commands.js'
import type { MaildropCommand, Ran, Run } from './maildrop-commands.js'

/** Nearly all of a test's time is a process that starts. */
const AT_ONCE = { concurrency: 4 }

const JOE = ['-d', 'joe@example.org', '-f', 'ann@example.net']

export function maildropSuite(command: MaildropCommand): void {
  const folder = temporaryFolder()
  const services: FakeService[] = []
  after(async () => {
    for (const service of services) await service.close()
    folder.remove()
  })

  const serve = async (script: Script): Promise<FakeService> => {
    const service = await startFakeService(join(folder.path, `${randomUUID()}.sock`), script)
    services.push(service)
    return service
  }

  /** Runs the command against a service that follows the script. */
  const against = async (script: Script, options: Partial<Run> = {}): Promise<Ran & { service: FakeService }> => {
    const fake = await serve(script)
    const ran = await run(command, { args: JOE, ...options, environment: { MAILWEIR_SOCKET: fake.socketPath } })
    return { ...ran, service: fake }
  }

  const answered = (replies: readonly string[]): Script => [...TO_END, ...replies.map(reply => `S: ${reply}`)]

  describe(`a message that the service takes, by ${command.name}`, AT_ONCE, () => {
    it('is success without a word', async () => {
      const ran = await against(answered(['250 2.0.0 delivered (exit 0)']))
      assert.deepEqual([ran.exitCode, ran.output], [0, ''])
      assert.deepEqual(ran.service.commands, [
        'LHLO localhost',
        'MAIL FROM:<ann@example.net> BODY=8BITMIME XEXITCODE',
        'RCPT TO:<joe@example.org>',
        'DATA',
      ])
      assert.equal(ran.service.message()?.toString(), 'Subject: x\r\n\r\nhello\r\n')
    })

    it('is success when the service knows no exit codes', async () => {
      const plain = ['S: 220 x', 'C: LHLO', 'S: 250 x', ...TO_DATA.slice(WELCOME.length), 'S: 354 go on', 'message']
      const ran = await against([...plain, 'S: 250 2.0.0 ok'])
      assert.deepEqual([ran.exitCode, ran.output], [0, ''])
      assert.equal(ran.service.commands[1], 'MAIL FROM:<ann@example.net>')
    })

    it('keeps its dots, bare returns, zero bytes and 8-bit bytes', async () => {
      const message = Buffer.from('.\n..\n.x\r\n\r\r\n\0\xff\xfe\n\n.', 'latin1')
      const ran = await against(answered(['250 ok (exit 0)']), { stdin: message })
      assert.equal(ran.exitCode, 0)
      assert.deepEqual(undotted(ran.service.message()!), Buffer.concat([message, Buffer.from('\n')]))
    })

    it('keeps its dots where the pieces of a large one meet', async () => {
      const message = Buffer.from(`${'.'.repeat(7)}\n`.repeat(40_000))
      const ran = await against(answered(['250 ok (exit 0)']), { stdin: [message.subarray(0, 8), message.subarray(8)] })
      assert.equal(ran.exitCode, 0)
      assert.ok(undotted(ran.service.message()!).equals(message))
    })

    it('keeps the From_ line of an mbox', async () => {
      const ran = await against(answered(['250 ok (exit 0)']), { stdin: 'From ann Mon Jan 1\nSubject: x\n\n' })
      assert.equal(ran.service.message()?.toString(), 'From ann Mon Jan 1\r\nSubject: x\r\n\r\n')
    })
  })

  describe(`what the service answers, by ${command.name}`, AT_ONCE, () => {
    const finals: [claim: string, reply: readonly string[], exitCode: number, output: string][] = [
      ['a refusal', ['554 5.7.1 virus found (exit 77)'], 77, '5.7.1 virus found\n'],
      ['a message too large', ['552 5.3.4 too large (exit 69)'], 69, '5.3.4 too large\n'],
      ["a filter's own exit code", ['554 5.3.0 because (exit 100)'], 100, '5.3.0 because\n'],
      ['a full mailbox', ['452 4.2.2 full (exit 75)'], 75, '4.2.2 full\n'],
      [
        'a reply of several lines',
        ['554-5.7.1 one', '554-5.7.1 two', '554 5.7.1 three (exit 77)'],
        77,
        '5.7.1 one two three\n',
      ],
      ['a reply without a status', ['554 go away (exit 77)'], 77, '5.3.0 go away\n'],
      ['a reply of a code only', ['450'], 75, '4.3.0 \n'],
      ['a status of another class', ['554 4.2.0 no (exit 77)'], 77, '5.3.0 4.2.0 no\n'],
      ['an unknown mailbox, without an exit code', ['550 5.1.1 nobody'], 67, '5.1.1 nobody\n'],
      ['a refusal, without an exit code', ['550 5.1.10 nobody'], 77, '5.1.10 nobody\n'],
      ['"later", without an exit code', ['451 4.3.0 soon'], 75, '4.3.0 soon\n'],
      ['an exit code that is none', ['554 5.7.1 no (exit 256)'], 77, '5.7.1 no (exit 256)\n'],
      ['an exit code in the middle', ['554 5.7.1 (exit 69) no'], 77, '5.7.1 (exit 69) no\n'],
    ]
    for (const [claim, reply, exitCode, output] of finals)
      it(`${claim} becomes exit code ${exitCode}`, async () => {
        const ran = await against(answered(reply))
        assert.deepEqual([ran.exitCode, ran.output], [exitCode, output])
      })

    it('a refused recipient ends it before the message is sent', async () => {
      const script = [...WELCOME, 'C: MAIL', 'S: 250 ok', 'C: RCPT', 'S: 550 5.1.1 no such mailbox (exit 67)']
      const ran = await against([...script, 'C: DATA', 'S: 503 5.5.1 no recipients', 'hang'])
      assert.deepEqual([ran.exitCode, ran.output], [67, '5.1.1 no such mailbox\n'])
    })

    it('a service that turns everybody away means later', async () => {
      const ran = await against(['S: 421 4.3.2 too many connections', 'close'])
      assert.deepEqual([ran.exitCode, ran.output], [75, '4.3.2 too many connections\n'])
    })

    it('a refusal in the middle of the message is final', async () => {
      const script = [...TO_MESSAGE, 'bytes 100000', 'S: 552 5.3.4 too large (exit 69)', 'end']
      const ran = await against(script, { stdin: Buffer.alloc(8_000_000, 'x\n') })
      assert.deepEqual([ran.exitCode, ran.output], [69, '5.3.4 too large\n'])
    })

    for (const reply of [
      '250 ok (exit 75)',
      '250 ok (exit 1)',
      '554 5.7.1 no (exit 0)',
      '554 5.7.1 no (exit 75)',
      '451 4.3.0 no (exit 77)',
    ])
      it(`an answer that contradicts itself means later: ${reply}`, async () => {
        const ran = await against(answered([reply]))
        assert.equal(ran.exitCode, 75)
        assert.match(ran.output, /^4\.3\.0 .*contradicted itself/)
      })
  })

  describe(`a service that misbehaves, by ${command.name}`, AT_ONCE, () => {
    const unreadable: [claim: string, script: Script][] = [
      ['garbage', ['S: hello']],
      ['HTTP', ['S: HTTP/1.1 400 Bad Request']],
      ['no line end', ['S. 220 x\n']],
      ['a return in the line', ['S. 220 x\rx\r\n']],
      ['a zero byte', ['S. 220 \0\r\n']],
      ['a code of two digits', ['S: 22 x']],
      ['a line of 3000 bytes', [`S: 220 ${'x'.repeat(3000)}`]],
      ['a line without end', [`S. 220 ${'x'.repeat(10_000)}`]],
      ['101 lines', [...Array.from({ length: 101 }, () => 'S: 220-x'), 'S: 220 x']],
      ['5000 bytes of text', Array.from({ length: 50 }, () => `S: 220-${'x'.repeat(100)}`)],
      ['two codes in one reply', ['S: 220-x', 'S: 250 x']],
      ['"go on" instead of a greeting', ['S: 354 x']],
      ['success instead of "go on"', [...TO_DATA, 'S: 250 ok (exit 0)']],
      ['success before the message has ended', [...TO_DATA, 'S. 354 go on\r\n250 ok (exit 0)\r\n']],
      ['"go on" instead of success', [...TO_END, 'S: 354 ok']],
    ]
    for (const [claim, script] of unreadable)
      it(`${claim} means later`, async () => {
        const ran = await against([...script, 'hang'], { args: [...JOE, '--timeout-seconds', '20'] })
        assert.equal(ran.exitCode, 75)
        assert.match(ran.output, /^4\.3\.0 .*unreadable answer/)
      })

    const cutOff: [claim: string, script: Script][] = [
      ['at once', []],
      ['in the middle of its greeting', ['S. 220 x']],
      ['after its greeting', ['S: 220 x']],
      ['after LHLO', WELCOME],
      ['after LHLO, in the middle of its answer', ['S: 220 x', 'C: LHLO', 'S: 250-x']],
      ['after DATA', TO_DATA],
      ['before the message', TO_MESSAGE],
      ['in the middle of the message', [...TO_MESSAGE, 'bytes 100000']],
      ['after the message', TO_END],
      ['in the middle of "delivered"', [...TO_END, 'S. 250 2.0.0 deliv']],
    ]
    for (const [claim, script] of cutOff)
      it(`one that closes ${claim} means later`, async () => {
        const ran = await against([...script, 'close'], { stdin: Buffer.alloc(2_000_000, 'x\n') })
        assert.equal(ran.exitCode, 75)
        assert.match(ran.output, /^4\.3\.0 .*closed the connection/)
      })

    const silent: [claim: string, script: Script][] = [
      ['at once', []],
      ['after LHLO', ['S: 220 x', 'C: LHLO']],
      ['after the message', TO_END],
      ['and reads no more', [...TO_MESSAGE, 'deaf']],
    ]
    for (const [claim, script] of silent)
      it(`one that falls silent ${claim} means later, in time`, async () => {
        const startedAt = Date.now()
        const args = [...JOE, '--timeout-seconds', '1']
        const ran = await against([...script, 'hang'], { args, stdin: Buffer.alloc(4_000_000, 'x\n') })
        assert.equal(ran.exitCode, 75)
        assert.match(ran.output, /^4\.3\.0 .*in time/)
        assert.ok(Date.now() - startedAt < 5000)
      })

    it('a busy one is waited for', async () => {
      const socketPath = join(folder.path, 'busy.sock')
      const busy = await startBusyService(socketPath)
      try {
        const waiting = run(command, { args: [...JOE, '--socket', socketPath] })
        await new Promise(resolve => setTimeout(resolve, 400))
        busy.goOn()
        assert.deepEqual(await waiting, { exitCode: 0, signal: null, output: '' })
      } finally {
        busy.end()
      }
    })

    it('one that stays busy means later', async () => {
      const socketPath = join(folder.path, 'stays-busy.sock')
      const busy = await startBusyService(socketPath)
      try {
        const ran = await run(command, { args: [...JOE, '--socket', socketPath, '--timeout-seconds', '1'] })
        assert.equal(ran.exitCode, 75)
        assert.match(ran.output, /^4\.3\.0 /)
      } finally {
        busy.end()
      }
    })

    it('a socket that cannot be reached means later, and its path is said', async () => {
      const ran = await run(command, { args: [...JOE, '--socket', '/dev/null/lmtp.sock'] })
      assert.equal(ran.exitCode, 75)
      assert.match(ran.output, /^4\.3\.5 .*\/dev\/null\/lmtp\.sock/)
    })

    it('a path too long for a socket means later', async () => {
      const ran = await run(command, { args: [...JOE, '--socket', `/${'x'.repeat(108)}`] })
      assert.equal(ran.exitCode, 75)
      assert.match(ran.output, /^4\.3\.5 .*too long/)
    })
  })

  describe(`standard input that fails, by ${command.name}`, AT_ONCE, () => {
    const refused = async (options: Partial<Run>, text: RegExp): Promise<void> => {
      const ran = await against(answered(['250 ok (exit 0)']), options)
      assert.equal(ran.exitCode, 75)
      assert.match(ran.output, text)
      assert.equal(ran.service.wasEnded(), false)
    }

    for (const args of [JOE, JOE.slice(0, 2)]) {
      const how = args === JOE ? 'with -f' : 'without -f'
      it(`an empty one is no message, ${how}`, () => refused({ args, stdin: '' }, /^4\.3\.0 .*empty/))

      it(`one that cannot be read is no message, ${how}`, async () => {
        // Its first page is never mapped: reading it is EIO.
        const broken = openSync('/proc/self/mem', 'r')
        await refused({ args, stdin: { stdio: [broken, 'pipe', 'pipe'] } }, /^4\.3\.0 .*cannot read the message/)
        closeSync(broken)
      })
    }

    it('a closed one is no message', async () => {
      const [shell, ...rest] = ['/bin/sh', '-c', 'exec "$0" "$@" <&-', ...command.argv]
      const fake = await serve(answered(['250 ok (exit 0)']))
      const ran = await run(
        { name: command.name, argv: [shell, ...rest] },
        { args: [...JOE, '--socket', fake.socketPath] },
      )
      assert.equal(ran.exitCode, 75)
      assert.equal(fake.wasEnded(), false)
    })

    it('a directory is no message', async () => {
      const directory = openSync('/', 'r')
      await refused({ stdin: { stdio: [directory, 'pipe', 'pipe'] } }, /^4\.3\.0 /)
      closeSync(directory)
    })

    it('one that breaks in the middle is never taken for the whole message', async () => {
      const fake = await serve(answered(['250 ok (exit 0)']))
      const pair = await socketPair()
      pair.far.write('Subject: x\n\nhalf of it\n')
      // Once the first half has been read: Node takes data and a reset that it meets together for the end.
      const waiting = setInterval(() => {
        if (!fake.commands.includes('DATA')) return
        clearInterval(waiting)
        setTimeout(() => pair.far.resetAndDestroy(), 300)
      }, 20)
      try {
        const stdin = { stdio: [pair.near, 'pipe', 'pipe'] as StdioOptions }
        const ran = await run(command, { args: [...JOE, '--socket', fake.socketPath], stdin })
        assert.equal(ran.exitCode, 75)
        assert.match(ran.output, /^4\.3\.0 .*cannot read the message/)
        assert.equal(fake.wasEnded(), false)
      } finally {
        clearInterval(waiting)
        pair.close()
      }
    })

    it('one that never ends means later, in time', () =>
      refused({ stdin: null, args: [...JOE, '--timeout-seconds', '1'] }, /^4\.3\.0 .*in time/))

    it('one that never begins means later, in time, without -f', () =>
      refused({ stdin: null, args: [...JOE.slice(0, 2), '--timeout-seconds', '1'] }, /^4\.3\.0 .*in time/))
  })

  describe(`standard output and signals, by ${command.name}`, AT_ONCE, () => {
    const refusal = answered(['550 5.1.1 nobody (exit 67)'])

    it('a full device for the text changes no exit code', async () => {
      const full = openSync('/dev/full', 'w')
      const ran = await against(refusal, { stdin: { stdio: [openSync('/etc/passwd', 'r'), full, full] } })
      closeSync(full)
      assert.equal(ran.exitCode, 67)
    })

    it('a closed standard output and error change no exit code', async () => {
      const fake = await serve(refusal)
      const argv = ['/bin/sh', '-c', 'exec "$0" "$@" >&- 2>&-', ...command.argv]
      const ran = await run({ name: command.name, argv }, { args: [...JOE, '--socket', fake.socketPath] })
      assert.equal(ran.exitCode, 67)
      assert.equal(fake.message()?.toString(), 'Subject: x\r\n\r\nhello\r\n')
      assert.equal(fake.unread(), 'QUIT\r\n')
    })

    it('a reader of the text who has gone changes no exit code', async () => {
      const fake = await serve(refusal)
      const script = '{ "$0" "$@"; echo "exit code $?" >&2; } | true'
      const argv = ['/bin/sh', '-c', script, ...command.argv]
      const ran = await run({ name: command.name, argv }, { args: [...JOE, '--socket', fake.socketPath] })
      assert.match(ran.output, /exit code 67/)
    })

    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
      it(`${signal} means later`, async () => {
        const interrupt = (pid: number): void => void setTimeout(() => process.kill(pid, signal), 700)
        const ran = await against([...TO_END, 'hang'], { meanwhile: interrupt })
        assert.deepEqual([ran.exitCode, ran.signal], [75, null])
        assert.match(ran.output, /^4\.3\.0 .*signal/)
      })
  })

  describe(`the envelope, by ${command.name}`, AT_ONCE, () => {
    const mailFor = async (args: readonly string[], stdin?: string): Promise<string[]> => {
      const ran = await against(answered(['250 ok (exit 0)']), { args, ...(stdin === undefined ? {} : { stdin }) })
      assert.deepEqual([ran.exitCode, ran.output], [0, ''])
      return ran.service.commands.slice(1, 3).map(line => line.replace(/ BODY=8BITMIME| XEXITCODE/g, ''))
    }

    const senders: [claim: string, value: string, path: string][] = [
      ['empty is the null sender', '', '<>'],
      ['<> is the null sender', '<>', '<>'],
      ['MAILER-DAEMON is the null sender', 'MAILER-DAEMON', '<>'],
      ['angle brackets are taken off', '<ann@example.net>', '<ann@example.net>'],
      ['a quoted local part stays', '"ann b"@example.net', '<"ann b"@example.net>'],
      ['a local part with a blank is quoted', 'ann b@example.net', '<"ann b"@example.net>'],
      ['a local part with a quote in it is quoted', 'a"b\\c@example.net', '<"a\\"b\\\\c"@example.net>'],
      ['a local part with an @ is quoted', 'a@b@example.net', '<"a@b"@example.net>'],
      ['an address literal stays', 'ann@[192.0.2.1]', '<ann@[192.0.2.1]>'],
      ['UTF-8 is said to be there', 'änn@exämple.net', '<änn@exämple.net> SMTPUTF8'],
    ]
    for (const [claim, value, path] of senders)
      it(`-f: ${claim}`, async () => {
        assert.deepEqual(await mailFor(['-d', 'joe', '-f', value]), [`MAIL FROM:${path}`, 'RCPT TO:<joe>'])
      })

    it('UTF-8 is not sent to a service that does not take it', async () => {
      const plain = ['S: 220 x', 'C: LHLO', 'S: 250 x', 'hang']
      const ran = await against(plain, { args: ['-d', 'jöe@example.org', '-f', ''] })
      assert.equal(ran.exitCode, 75)
      assert.match(ran.output, /^4\.3\.5 .*UTF-8/)
    })

    const tops: [claim: string, message: string, path: string][] = [
      ['a Return-Path on top is the sender', 'Return-Path: <ann@example.net>\nSubject: x\n\n', '<ann@example.net>'],
      ['without brackets too', 'return-path:ann@example.net  \r\n\r\n', '<ann@example.net>'],
      [
        'so is one below other lines of the last MTA',
        'From x\nDelivered-To: a\n b\nX-Original-To: c\nReturn-Path: <a@b.c>\n\n',
        '<a@b.c>',
      ],
      ['an empty one is the null sender', 'Return-Path: <>\n\n', '<>'],
      ["Postfix's null sender too", 'Return-Path: <MAILER-DAEMON>\n\n', '<>'],
      ['one further down is not believed', 'Subject: x\nReturn-Path: <ann@example.net>\n\n', '<>'],
      ['one in the body is not believed', '\nReturn-Path: <ann@example.net>\n', '<>'],
      ['none is the null sender', 'Subject: x\n\n', '<>'],
      ['one that is no address is the null sender', 'Return-Path: <a b>c@>\n\n', '<>'],
      ['one with a zero byte is the null sender', 'Return-Path: <a\0@b>\n\n', '<>'],
      ['one that is too long is the null sender', `Return-Path: <${'a'.repeat(400)}@example.net>\n\n`, '<>'],
      ['one that is cut off is the null sender', 'Return-Path: <ann@example.net>', '<>'],
      [
        'one behind the first 64 KiB is the null sender',
        `Delivered-To: ${'a'.repeat(70_000)}\nReturn-Path: <a@b>\n\n`,
        '<>',
      ],
    ]
    for (const [claim, message, path] of tops)
      it(`without -f: ${claim}`, async () => {
        assert.deepEqual(await mailFor(['-djoe'], message), [`MAIL FROM:${path}`, 'RCPT TO:<joe>'])
      })

    it('a Return-Path that is not UTF-8 is the null sender', async () => {
      const message = Buffer.from('Return-Path: <ann\xc3@example.net>\n\n', 'latin1')
      const ran = await against(answered(['250 ok (exit 0)']), { args: ['-d', 'joe'], stdin: message })
      assert.equal(ran.exitCode, 0)
      assert.match(ran.service.commands[1]!, /^MAIL FROM:<> /)
    })

    it('a recipient that is not UTF-8 is never passed on', async () => {
      for (const bytes of ['\\377', '\\303', '\\300\\200', '\\355\\240\\200', '\\364\\220\\200\\200']) {
        const script = `exec "$0" "$@" -d "$(printf 'joe${bytes}@example.org')"`
        const argv = ['/bin/sh', '-c', script, ...command.argv]
        const ran = await run({ name: command.name, argv }, { args: ['-f', '', '--socket', '/dev/null/x'] })
        assert.equal(ran.exitCode, 75)
        assert.match(ran.output, /^4\.3\.5 .*-d: not an address/)
      }
    })

    const bad = [
      '',
      'a\r\nRCPT TO:<b>',
      'a\nb@c',
      '<a@b>',
      'a@',
      '@b',
      'a@b>c',
      'a@b c',
      `${'a'.repeat(330)}@b`,
      'a\x7f@b',
      'a@b\tc',
    ]
    for (const recipient of bad)
      it(`a recipient that is no address is never passed on: ${JSON.stringify(recipient.slice(0, 20))}`, async () => {
        const fake = await serve(TO_END)
        const ran = await run(command, { args: ['-d', recipient, '-f', '', '--socket', fake.socketPath] })
        assert.equal(ran.exitCode, 75)
        assert.match(ran.output, /^4\.3\.5 .*-d: not an address/)
        assert.equal(fake.connectionCount(), 0)
      })
  })
}

/** Two ends of a TCP connection; nobody here reads from the near one. */
async function socketPair(): Promise<{ near: Socket; far: Socket; close: () => void }> {
  const server = createServer({ pauseOnConnect: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const far = connect((server.address() as AddressInfo).port, '127.0.0.1')
  far.on('error', () => undefined)
  const [near] = await accepted
  near.on('error', () => undefined)
  const close = (): void => {
    near.destroy()
    far.destroy()
    server.close()
  }
  return { near, far, close }
}

const BUSY_SERVICE = `
const { startFakeService, TO_END } = await import(process.argv[1])
await startFakeService(process.argv[2], [...TO_END, 'S: 250 ok (exit 0)'])
process.stdout.write('ready')`

/** A service in a stopped process: its backlog fills, and connecting has to wait. */
async function startBusyService(socketPath: string): Promise<{ goOn(): void; end(): void }> {
  const module = new URL('./fake-service.js', import.meta.url).href
  const child = spawn(process.execPath, ['--input-type=module', '-e', BUSY_SERVICE, module, socketPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  child.kill('SIGSTOP')
  const waiting: Socket[] = []
  for (let isFull = false; !isFull;) {
    const socket = connect(socketPath)
    waiting.push(socket)
    isFull = await new Promise(resolve => {
      socket.once('connect', () => resolve(false))
      socket.on('error', () => resolve(true))
    })
  }
  const leave = (): void => {
    for (const socket of waiting) socket.destroy()
  }
  return {
    goOn: () => {
      leave()
      child.kill('SIGCONT')
    },
    end: () => {
      leave()
      child.kill('SIGKILL')
    },
  }
}
