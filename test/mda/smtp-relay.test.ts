// Forwarding through a relay, against a real SMTP server in this process.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import type { Outcome } from '../../mail/outcome.js'
import { forward, type Forwarding } from '../../mda/forward.js'
import { forwardSettings } from '../../mda/forward-settings.js'
import { parseRelay } from '../../mda/relay-address.js'
import { mailOf, streamed } from './mailboxes.js'

type Taken = { from: string; to: string[]; text: string }

const forwarding: Forwarding = {
  content: mailOf('Subject: hi\n\n.\n..dots\nbody \xe4\n'),
  sender: { localPart: 'from', domain: 'example.net' },
  addresses: 'a@example.org',
  recipient: { localPart: 'joe', domain: 'example.org' },
  hostName: 'mx.example.org',
}

/** Forwards through a server that treats some recipients specially, and tells what the server took. */
async function relayed(
  over: Partial<Forwarding>,
  options: SMTPServerOptions = {},
): Promise<{ outcome: Outcome; taken: Taken[]; connections: number }> {
  const taken: Taken[] = []
  let connections = 0
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH'],
    logger: false,
    onConnect(_session, done) {
      connections += 1
      done()
    },
    onRcptTo({ address }, _session, done) {
      if (address.startsWith('no')) done(failure(550, '5.1.1 no such user here'))
      else if (address.startsWith('later')) done(failure(451, '4.2.1 come back'))
      else if (address.startsWith('login')) done(failure(530, '5.7.0 authentication required'))
      else done()
    },
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address
        const text = Buffer.concat(chunks).toString('utf8')
        if (text.includes('VIRUS')) {
          done(failure(554, '5.7.1 we do not like it'))
          return
        }
        taken.push({ from, to: envelope.rcptTo.map(({ address }) => address), text })
        done()
      })
    },
    ...options,
  })
  server.on('error', () => undefined)
  const listening = server.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  try {
    const { port } = listening.address() as AddressInfo
    return { outcome: await forwardTo(port, over), taken, connections }
  } finally {
    await new Promise<void>(resolve => server.close(resolve))
  }
}

function failure(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode })
}

function forwardTo(port: number, over: Partial<Forwarding> = {}, timeoutMs = 10_000): Promise<Outcome> {
  const settings = { ...forwardSettings.parse({ via: 'relay', relay: `127.0.0.1:${port}` }), timeoutMs }
  return forward({ ...forwarding, ...over }, settings)
}

test('a relay gets the message with CRLF and its dots, the sender kept', async () => {
  const { outcome, taken } = await relayed({})
  assert.deepEqual(outcome, { kind: 'delivered', text: 'forwarded' })
  const text = 'Delivered-To: joe@example.org\r\nSubject: hi\r\n\r\n.\r\n..dots\r\nbody \xe4\r\n'
  assert.deepEqual(taken, [{ from: 'from@example.net', to: ['a@example.org'], text }])
})

test('the relay is taken to be its own even when its certificate is nobody’s', async () => {
  const { outcome, taken } = await relayed({}, { hideSTARTTLS: false })
  assert.equal(outcome.kind, 'delivered', outcome.text)
  assert.equal(taken.length, 1)
})

test('a bounce goes on with the null sender', async () => {
  const { taken } = await relayed({ sender: null })
  assert.equal(taken[0]?.from, '')
})

test('each address is a transaction of its own on one connection', async () => {
  const { outcome, taken, connections } = await relayed({ addresses: 'a@example.org b@example.org c@example.org' })
  assert.equal(outcome.kind, 'delivered', outcome.text)
  assert.equal(connections, 1)
  assert.deepEqual(
    taken.map(({ to }) => to),
    [['a@example.org'], ['b@example.org'], ['c@example.org']],
  )
})

test('an address that is refused is named with the words of the relay, and the others still get it', async () => {
  const { outcome, taken } = await relayed({ addresses: 'no@example.org b@example.org' })
  assert.equal(outcome.kind, 'refused')
  assert.equal(outcome.text, '5.1.1 no@example.org was refused by the relay: no such user here')
  assert.deepEqual(taken[0]?.to, ['b@example.org'])
})

test('"later" for one address is later for the whole, even when another is refused', async () => {
  const { outcome } = await relayed({ addresses: 'no@example.org later@example.org a@example.org' })
  assert.equal(outcome.kind, 'tryLater')
  assert.match(outcome.text, /did not take later@example.org: 451 4.2.1 come back/)
})

test('a message that the relay refuses after DATA is refused', async () => {
  const { outcome } = await relayed({ content: mailOf('Subject: VIRUS\n\n') })
  assert.deepEqual([outcome.kind, outcome.text.slice(0, 6)], ['refused', '5.7.1 '])
})

test('a relay that wants us to log in is a fault of the settings, not of the mail', async () => {
  assert.equal((await relayed({ addresses: 'login@example.org' })).outcome.kind, 'misconfigured')
})

test('a message that breaks while it is read is not taken as if it were whole', async () => {
  const broken = streamed(200_000, async function* () {
    yield Buffer.alloc(100_000, 'x\n')
    throw new Error('lost')
  })
  const { outcome, taken } = await relayed({ content: broken })
  assert.equal(outcome.kind, 'tryLater')
  assert.deepEqual(taken, [])
})

test('a relay that is absent, refuses to talk, or hangs up at any point is "later"', async () => {
  const script = ['220 hi', '250 hi', '250 ok', '250 ok', '354 go']
  for (let lines = 0; lines <= script.length; lines++) {
    const outcome = await talkingTo(script.slice(0, lines), 'hangs up', port => forwardTo(port))
    assert.equal(outcome.kind, 'tryLater', `${lines} lines`)
  }
  assert.equal((await talkingTo(['554 go away'], 'hangs up', port => forwardTo(port))).kind, 'tryLater')
  assert.equal((await forwardTo(1)).kind, 'tryLater')
})

test('a relay that falls silent at any point costs no more than the deadline', async () => {
  const script = ['220 hi', '250 hi', '250 ok', '250 ok', '354 go']
  for (let lines = 0; lines <= script.length; lines++) {
    const startedAt = Date.now()
    const outcome = await talkingTo(script.slice(0, lines), 'is silent', port => forwardTo(port, {}, 150))
    assert.equal(outcome.kind, 'tryLater', `${lines} lines`)
    assert.match(outcome.text, /within 150 ms/)
    assert.ok(Date.now() - startedAt < 1000)
  }
})

/** A server that says its lines one after the other, whatever it hears, and then hangs up or is silent. */
async function talkingTo(
  script: readonly string[],
  then: 'hangs up' | 'is silent',
  act: (port: number) => Promise<Outcome>,
): Promise<Outcome> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket.on('error', () => undefined))
    const lines = [...script]
    const say = () => {
      const line = lines.shift()
      if (line !== undefined) socket.write(`${line}\r\n`)
      if (lines.length === 0 && then === 'hangs up') socket.end()
    }
    socket.on('data', say)
    say()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    return await act((server.address() as AddressInfo).port)
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
}

test('a relay is named by host and port', () => {
  assert.deepEqual(parseRelay('mail.example.org:25'), { host: 'mail.example.org', port: 25 })
  assert.deepEqual(parseRelay('[::1]:10026'), { host: '::1', port: 10_026 })
  for (const bad of ['mail.example.org', ':25', 'x:0', 'x:65536', '::1:25', 'x y:25'])
    assert.equal(parseRelay(bad), null, bad)
  assert.equal(forwardSettings.safeParse({ relay: 'nonsense' }).success, false)
})
