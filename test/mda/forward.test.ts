// Forwarding: which addresses are taken, and what the exits of a sendmail command mean.
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatAddress } from '../../mail/address.js'
import type { Outcome } from '../../mail/outcome.js'
import { forward, forwardAddresses, type Forwarding } from '../../mda/forward.js'
import { forwardSettings, type ForwardSettings } from '../../mda/forward-settings.js'
import { mailOf, streamed } from './mailboxes.js'

let root: string
beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'forward-'))))
afterEach(() => rmSync(root, { recursive: true, force: true }))

const forwarding: Forwarding = {
  content: mailOf('Subject: hi\n\n.\nbody\n'),
  sender: { localPart: 'from', domain: 'example.net' },
  addresses: 'a@example.org',
  recipient: { localPart: 'joe', domain: 'example.org' },
  hostName: 'mx.example.org',
}

function fakeSendmail(script: string): ForwardSettings {
  const sendmailPath = join(root, 'sendmail')
  writeFileSync(sendmailPath, `#!/bin/sh\n${script}\n`)
  chmodSync(sendmailPath, 0o755)
  return { ...forwardSettings.parse(undefined), sendmailPath }
}

function forwardBy(script: string, over: Partial<Forwarding> = {}, timeoutMs = 20_000): Promise<Outcome> {
  return forward({ ...forwarding, ...over }, { ...fakeSendmail(script), timeoutMs })
}

const KEEP = () => `for word; do printf '%s\\n' "$word" >> ${root}/args; done; cat > ${root}/mail`

test('sendmail gets sender and addresses as words of their own, and the message with a Delivered-To in front', async () => {
  const outcome = await forwardBy(KEEP(), { addresses: ' a@example.org  $HOME@example.org "b c"@example.org ' })
  assert.deepEqual(outcome, { kind: 'delivered', text: 'forwarded' })
  const args = readFileSync(join(root, 'args'), 'utf8').trimEnd().split('\n')
  assert.deepEqual(args.slice(0, 4), ['-oi', '-f', 'from@example.net', '--'])
  assert.deepEqual(args.slice(4), ['a@example.org', '$HOME@example.org', '"b c"@example.org'])
  assert.equal(readFileSync(join(root, 'mail'), 'utf8'), 'Delivered-To: joe@example.org\nSubject: hi\n\n.\nbody\n')
})

test('a bounce is forwarded as a bounce', async () => {
  await forwardBy(KEEP(), { sender: null })
  assert.deepEqual(readFileSync(join(root, 'args'), 'utf8').split('\n').slice(0, 3), ['-oi', '-f', '<>'])
})

test('addresses are words, each once; options, commands, files and nonsense are none', () => {
  const read = (text: string) => {
    const addresses = forwardAddresses(text)
    return typeof addresses === 'string' ? addresses : addresses.map(formatAddress)
  }
  assert.deepEqual(read('a@x b@y, a@x\tjoe'), ['a@x', 'b@y', 'joe'])
  assert.deepEqual(read('"b c"@x d@y'), ['"b c"@x', 'd@y'])
  for (const bad of ['-bs', 'a@x -oQ/var/tmp', '"-f"@x', '|id', '/etc/passwd', '"|id"', 'a@x "', '<a@x>', 'a@', '@x']) {
    assert.equal(typeof read(bad), 'string', bad)
  }
  assert.equal(read(' , '), 'no address is named')
  assert.match(String(read(Array.from({ length: 101 }, (_, index) => `u${index}@x`).join(' '))), /more than 100/)
})

test('what is no address is a fault of the filter, and sendmail is not started', async () => {
  const outcome = await forwardBy(KEEP(), { addresses: '-bs' })
  assert.deepEqual(outcome, { kind: 'misconfigured', text: 'cannot forward: "-bs" is no address' })
  assert.equal(existsSync(join(root, 'args')), false)
})

test('exit codes about the mail are final, those about that machine are not', async () => {
  const kinds: Record<number, Outcome['kind']> = {
    0: 'delivered',
    1: 'tryLater',
    64: 'tryLater',
    65: 'refused',
    67: 'refused',
    68: 'refused',
    69: 'refused',
    70: 'tryLater',
    71: 'tryLater',
    73: 'refused',
    74: 'tryLater',
    75: 'tryLater',
    76: 'refused',
    77: 'refused',
    78: 'misconfigured',
    111: 'tryLater',
  }
  for (const [code, kind] of Object.entries(kinds)) {
    const outcome = await forwardBy(`cat > /dev/null; exit ${code}`)
    assert.equal(outcome.kind, kind, code)
    assert.equal(outcome.exitCode, undefined)
  }
})

test('a refusal carries its status and the last words of sendmail, made printable', async () => {
  const outcome = await forwardBy(`cat > /dev/null; printf 'first\\nno such \\033user\\n' >&2; exit 67`)
  assert.equal(outcome.text, '5.1.1 sendmail refused to forward (67): no such ?user')
})

test('a sendmail that is killed, absent, or no program is "later"', async () => {
  assert.equal((await forwardBy('cat > /dev/null; kill -9 $$')).kind, 'tryLater')
  const absent = { ...fakeSendmail('exit 0'), sendmailPath: join(root, 'absent') }
  assert.equal((await forward(forwarding, absent)).kind, 'misconfigured')
  const noProgram = fakeSendmail('exit 0')
  chmodSync(noProgram.sendmailPath, 0o644)
  assert.equal((await forward(forwarding, noProgram)).kind, 'misconfigured')
})

test('a sendmail that ends well without reading a large message has not taken it', async () => {
  const outcome = await forwardBy('exec <&-; exit 0', { content: mailOf('x'.repeat(1_000_000)) })
  assert.equal(outcome.kind, 'tryLater')
})

test('a sendmail that hangs is ended with its children at the deadline', async () => {
  const startedAt = Date.now()
  const outcome = await forwardBy(`sleep 1.5 && touch ${root}/survived & wait`, {}, 1000)
  assert.match(outcome.text, /did not end within 1000 ms/)
  assert.equal(outcome.kind, 'tryLater')
  assert.ok(Date.now() - startedAt < 1400)
  await sleep(800)
  assert.equal(existsSync(join(root, 'survived')), false)
})

test('a sendmail whose child keeps standard error open is believed when it ends', async () => {
  const startedAt = Date.now()
  assert.equal((await forwardBy('cat > /dev/null; sleep 5 & exit 0')).kind, 'delivered')
  assert.ok(Date.now() - startedAt < 3000)
})

test('a message that cannot be read to its end is not forwarded as if it were whole', async () => {
  const broken = streamed(10, async function* () {
    yield Buffer.from('half')
    throw new Error('lost')
  })
  assert.equal((await forwardBy(KEEP(), { content: broken })).kind, 'tryLater')
})

test('whoever stops the delivery stops the forwarding', async () => {
  const outcome = await forward(forwarding, fakeSendmail('sleep 20'), AbortSignal.timeout(50))
  assert.deepEqual([outcome.kind, outcome.text], ['tryLater', 'forwarding was interrupted'])
})
