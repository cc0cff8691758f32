// What inspection does with a message, with scanners that answer from a table.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clamd } from '../../filters/clamd/client.js'
import type { ScanResult } from '../../filters/clamd/protocol.js'
import { inspect, inspectSettings, type Scanners } from '../../filters/inspect.js'
import { policySettings } from '../../filters/policy.js'
import type { Spamd } from '../../filters/spamd/client.js'
import type { SpamResult } from '../../filters/spamd/protocol.js'
import type { Container, Leaf, Unpacker } from '../../filters/unpack/unpack.js'
import { newBudget } from '../../filters/unpack/unpack.js'
import { unpackSettings } from '../../filters/unpack/settings.js'
import { parseAddress } from '../../mail/address.js'
import { chunksOf } from '../../mail/content.js'
import type { Finding } from '../../mail/finding.js'
import type { Message } from '../../mail/message.js'
import type { Part } from '../../mail/part.js'
import type { MessageBytes } from '../../mail/spooled.js'

const never = new AbortController().signal
const BYTES = Buffer.from('Subject: x\n\nplain text\nVklSVVM=\nsecret\n')
const [TEXT, BASE64, OTHER] = [
  { startByte: 12, endByte: 22 },
  { startByte: 23, endByte: 31 },
  { startByte: 32, endByte: 38 },
]

function inMemory(bytes: Buffer): MessageBytes {
  return {
    sizeBytes: bytes.length,
    inMemory: bytes,
    read: async (start, end) => bytes.subarray(start, end),
    stream: async function* (start, end) {
      yield bytes.subarray(start, end)
    },
  }
}

function part(number: string, fields: Partial<Part>): Part {
  return {
    number,
    mediaType: 'text/plain',
    fileName: null,
    encoding: 'identity',
    startByte: 0,
    endByte: 0,
    parts: [],
    ...fields,
  }
}

function messageWith(fields: Partial<Message>, recipients = ['joe@example.org']): Message {
  const bytes = inMemory(BYTES)
  return {
    envelope: {
      id: 'x1',
      sender: null,
      recipients: recipients.map(address => ({ address: parseAddress(address)! })),
      client: { arrival: 'lmtp', peer: 'unix', heloName: null },
      receivedAt: new Date(0),
    },
    spooled: { bytes, sizeBytes: BYTES.length, sha256: '' },
    header: { fields: [], endByte: 11 },
    root: part('1', TEXT),
    otherReadings: [],
    oddities: [],
    ...fields,
  }
}

const attachment = part('2', { ...BASE64, mediaType: 'application/zip', fileName: 'offer.zip', encoding: 'base64' })
const withAttachment = messageWith({
  root: part('0', { mediaType: 'multipart/mixed', parts: [part('1', TEXT), attachment] }),
})

async function textOf(content: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of content) chunks.push(chunk)
  return Buffer.concat(chunks).toString('latin1')
}

/** Remembers what it was shown; `judge` gives the results. */
function clamdThat(judge: (text: string) => ScanResult): { clamd: Clamd; shown: string[] } {
  const shown: string[] = []
  const notAsked = async () => ({ kind: 'failed', why: 'not asked in this test' }) as const
  const scan = async (content: AsyncIterable<Buffer>) => {
    const text = await textOf(content)
    shown.push(text)
    return judge(text)
  }
  return { shown, clamd: { scan, version: notAsked, reload: notAsked, ping: notAsked } }
}

function spamdThat(result: SpamResult): { spamd: Spamd; asked: { user: string; text: string }[] } {
  const asked: { user: string; text: string }[] = []
  return {
    asked,
    spamd: {
      defaultUser: 'site',
      check: async (content, user) => {
        asked.push({ user, text: await textOf(chunksOf(content)) })
        return result
      },
    },
  }
}

const ham: SpamResult = { kind: 'checked', score: 1, threshold: 5, isSpam: false, tests: ['A'] }
const spam: SpamResult = { kind: 'checked', score: 9, threshold: 5, isSpam: true, tests: ['A', 'B'] }

/** Shows each container itself and then `inside`, as the real one does. */
function unpackerThat(inside: Record<string, string> = {}, findings: Finding[] = []) {
  const opened: Container[] = []
  const unpacker: Unpacker = {
    unpack: async (container, _budget, visit, signal) => {
      opened.push(container)
      const show = async (where: string, text: string) => {
        signal.throwIfAborted()
        const leaf: Leaf = {
          where,
          sizeBytes: text.length,
          content: async function* () {
            yield Buffer.from(text, 'latin1')
          },
        }
        await visit(leaf)
      }
      await show(container.where, await textOf(container.content))
      for (const [name, text] of Object.entries(inside)) await show(`${container.where} > ${name}`, text)
      return findings
    },
    close: async () => undefined,
  }
  return { unpacker, opened }
}

function scanners(fields: Partial<Scanners>): Scanners {
  return {
    clamd: null,
    spamd: null,
    unpacker: unpackerThat().unpacker,
    newBudget: () => newBudget(unpackSettings.parse({})),
    policy: policySettings.parse({}),
    inspect: inspectSettings.parse({}),
    staleFinding: () => null,
    ...fields,
  }
}

const clean = (): ScanResult => ({ kind: 'clean' })
const findsIn = (needle: string) => (text: string) =>
  text.includes(needle) ? ({ kind: 'infected', name: 'Eicar' } as const) : ({ kind: 'clean' } as const)

test('clean ham passes: the whole message and the decoded attachment were scanned, the text not twice', async () => {
  const { clamd, shown } = clamdThat(clean)
  const { spamd, asked } = spamdThat(ham)
  const { verdict, spamCheck } = await inspect(withAttachment, scanners({ clamd, spamd }), never)
  assert.deepEqual(verdict, { decision: 'pass', findings: [], policy: '' })
  assert.deepEqual(spamCheck, { score: 1, threshold: 5, isSpam: false, tests: ['A'] })
  assert.deepEqual(shown, ['VIRUS', BYTES.toString()])
  assert.deepEqual(asked, [{ user: 'joe@example.org', text: BYTES.toString() }])
})

test('with clamd and spamd off, plain text is not touched, and an archive is still opened', async () => {
  const encrypted: Finding = { kind: 'encrypted', where: '2 offer.zip' }
  const { unpacker, opened } = unpackerThat({}, [encrypted])
  const plain = await inspect(messageWith({}), scanners({ unpacker }), never)
  assert.deepEqual(plain, { verdict: { decision: 'pass', findings: [], policy: '' }, spamCheck: null })
  assert.equal(opened.length, 0)
  const { verdict } = await inspect(withAttachment, scanners({ unpacker }), never)
  assert.deepEqual(verdict, { decision: 'tag', findings: [encrypted], policy: 'policy.encrypted = "tag"' })
})

test('a virus in a file inside an archive is named with its way there, ends the search, and spamd is not asked', async () => {
  const { clamd, shown } = clamdThat(findsIn('bad'))
  const { spamd, asked } = spamdThat(spam)
  const { unpacker } = unpackerThat({ 'run.exe': 'bad', 'more.exe': 'worse' })
  const { verdict, spamCheck } = await inspect(withAttachment, scanners({ clamd, spamd, unpacker }), never)
  assert.deepEqual(verdict, {
    decision: 'refuse',
    findings: [{ kind: 'virus', name: 'Eicar', where: '2 offer.zip > run.exe' }],
    policy: 'policy.virus = "refuse"',
  })
  assert.equal(spamCheck, null)
  assert.deepEqual(asked, [])
  assert.equal(shown.at(-1), 'bad')
})

test('what clamd finds only in the message as a whole is found after all that is packed in it', async () => {
  const { clamd } = clamdThat(findsIn('Subject'))
  const { unpacker, opened } = unpackerThat()
  const { verdict } = await inspect(withAttachment, scanners({ clamd, unpacker }), never)
  assert.deepEqual(verdict.findings, [{ kind: 'virus', name: 'Eicar', where: 'message' }])
  assert.equal(opened.length, 1)
})

test('what only another reading shows is scanned, text too', async () => {
  const { clamd } = clamdThat(text => (text === 'secret' ? { kind: 'infected', name: 'Eicar' } : { kind: 'clean' }))
  const message = messageWith({ otherReadings: [part('1.1~', OTHER)] })
  const { verdict } = await inspect(message, scanners({ clamd }), never)
  assert.deepEqual(verdict.findings, [{ kind: 'virus', name: 'Eicar', where: '1.1~ text/plain' }])
})

test('text that carries a file name is opened, since it is saved under that name', async () => {
  const { unpacker, opened } = unpackerThat()
  await inspect(messageWith({ root: part('1', { ...TEXT, fileName: 'run.zip' }) }), scanners({ unpacker }), never)
  assert.deepEqual(
    opened.map(container => container.where),
    ['1 run.zip'],
  )
})

test('a clamd that fails is asked no more, makes one finding, and the mail is deferred', async () => {
  const { clamd, shown } = clamdThat(() => ({ kind: 'failed', why: 'connection failed, ECONNREFUSED' }))
  const { spamd } = spamdThat(ham)
  const { verdict } = await inspect(withAttachment, scanners({ clamd, spamd }), never)
  assert.deepEqual(verdict, {
    decision: 'defer',
    findings: [{ kind: 'unscanned', by: 'clamd', why: 'connection failed, ECONNREFUSED', where: '2 offer.zip' }],
    policy: 'policy.unscannedByClamd = "defer"',
  })
  assert.equal(shown.length, 1)
})

test('a message over StreamMaxLength is marked, and its parts are scanned all the same', async () => {
  const { clamd, shown } = clamdThat(text => (text.startsWith('Subject') ? { kind: 'tooLarge' } : { kind: 'clean' }))
  const { verdict } = await inspect(withAttachment, scanners({ clamd }), never)
  assert.deepEqual(verdict.findings, [{ kind: 'overLimit', limit: 'clamd StreamMaxLength', where: 'message' }])
  assert.equal(verdict.policy, 'policy.overScanLimit = "tag"')
  assert.equal(shown[0], 'VIRUS')
})

test('spam is a finding with its score, threshold and tests', async () => {
  const { verdict, spamCheck } = await inspect(messageWith({}), scanners({ spamd: spamdThat(spam).spamd }), never)
  assert.deepEqual(verdict.findings, [{ kind: 'spam', score: 9, threshold: 5, tests: ['A', 'B'] }])
  assert.equal(verdict.decision, 'tag')
  assert.equal(spamCheck?.isSpam, true)
})

test('a spamd that fails defers; a message too large for it does not', async () => {
  const failed = await inspect(
    messageWith({}),
    scanners({ spamd: spamdThat({ kind: 'failed', why: 'down' }).spamd }),
    never,
  )
  assert.equal(failed.verdict.policy, 'policy.unscannedBySpamd = "defer"')
  assert.equal(failed.spamCheck, null)
  const large = await inspect(messageWith({}), scanners({ spamd: spamdThat({ kind: 'tooLarge' }).spamd }), never)
  assert.deepEqual(large.verdict.findings, [{ kind: 'overLimit', limit: 'spamd maxMessageBytes', where: 'message' }])
  assert.equal(large.verdict.decision, 'pass')
})

test('for several recipients, or none, spamd checks for the default user', async () => {
  for (const recipients of [['joe@example.org', 'ann@example.org'], []]) {
    const { spamd, asked } = spamdThat(ham)
    await inspect(messageWith({}, recipients), scanners({ spamd }), never)
    assert.equal(asked[0]?.user, 'site')
  }
})

test('what is odd in the structure is a finding', async () => {
  const oddities = [
    { kind: 'ambiguous', what: 'two Content-Type fields', where: '1' },
    { kind: 'overLimit', what: 'maxParts', where: '0' },
  ] as const
  const { verdict } = await inspect(messageWith({ oddities }), scanners({}), never)
  assert.deepEqual(verdict.findings, [
    { kind: 'ambiguous', what: 'two Content-Type fields', where: '1' },
    { kind: 'overLimit', limit: 'maxParts', where: '0' },
  ])
})

test('old signatures are a finding, which by default marks nothing', async () => {
  const stale = { kind: 'stale', ageHours: 100 } as const
  const { verdict } = await inspect(messageWith({}), scanners({ staleFinding: () => stale }), never)
  assert.deepEqual(verdict, { decision: 'pass', findings: [stale], policy: 'policy.stale = "pass"' })
})

test('an inspection that takes too long is unscanned and deferred, whoever is at work', async () => {
  const stuck = <T>(signal: AbortSignal) => sleep(60_000, undefined as T, { signal, ref: false })
  const unpacker: Unpacker = {
    unpack: async (_container, _budget, _visit, signal) => stuck(signal),
    close: async () => undefined,
  }
  const inspectSlice = inspectSettings.parse({ totalTimeoutMs: 100 })
  const startedAt = Date.now()
  const { verdict } = await inspect(withAttachment, scanners({ unpacker, inspect: inspectSlice }), never)
  assert.ok(Date.now() - startedAt < 1000)
  assert.equal(verdict.decision, 'defer')
  assert.match(JSON.stringify(verdict.findings), /inspection took longer than 100 ms/)
})

test('a service that stops in the middle of an inspection defers the mail', async () => {
  const { verdict } = await inspect(withAttachment, scanners({}), AbortSignal.abort('the service stops'))
  assert.equal(verdict.decision, 'defer')
  assert.match(JSON.stringify(verdict.findings), /the service stops/)
})

test('our own faults defer the mail and never escape: a disk that fails, an unpacker or a scanner that throws', async () => {
  const failing = async () => {
    throw new Error('EIO')
  }
  const unpacker: Unpacker = { unpack: failing, close: async () => undefined }
  const clamd: Clamd = { ...clamdThat(clean).clamd, scan: failing }
  const spamd: Spamd = { defaultUser: 'site', check: failing }
  const newBudget = () => {
    throw new Error('EIO')
  }
  const staleFinding = newBudget
  for (const fault of [{ unpacker }, { clamd }, { spamd }, { newBudget }, { staleFinding }]) {
    const { verdict } = await inspect(withAttachment, scanners(fault), never)
    assert.equal(verdict.decision, 'defer', Object.keys(fault)[0])
    assert.match(JSON.stringify(verdict.findings), /EIO/)
  }
})
