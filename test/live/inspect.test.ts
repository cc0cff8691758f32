// A whole message inspected with everything real: MIME, unpacking, clamd and spamd.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createClamd } from '../../filters/clamd/client.js'
import { clamdSettings } from '../../filters/clamd/settings.js'
import { inspect, inspectSettings, type Inspection, type Scanners } from '../../filters/inspect.js'
import { policySettings } from '../../filters/policy.js'
import { createSpamd } from '../../filters/spamd/client.js'
import { spamdSettings } from '../../filters/spamd/settings.js'
import { unpackSettings } from '../../filters/unpack/settings.js'
import { createUnpacker, newBudget } from '../../filters/unpack/unpack.js'
import { messageFrom } from '../filters/message-from.js'
import { zip } from '../filters/unpack/write-zip.js'
import { startClamd, type ClamdServer } from '../servers/clamd.js'
import { startSpamd, type SpamdServer } from '../servers/spamd.js'
import { eicar, gtube } from '../servers/test-virus.js'

const STREAM_MAX_BYTES = 1024 * 1024
const never = new AbortController().signal
const directory = mkdtempSync(join(tmpdir(), 'mailweir-inspect-'))
let clamd: ClamdServer
let spamd: SpamdServer
let scanners: Scanners

before(async () => {
  clamd = await startClamd({ directory, streamMaxLengthBytes: STREAM_MAX_BYTES })
  spamd = await startSpamd({ directory })
  const unpack = unpackSettings.parse({ scratchDirectory: directory })
  scanners = {
    clamd: createClamd(clamdSettings.parse({ socket: clamd.unixSocket })),
    spamd: createSpamd(spamdSettings.parse({ socket: spamd.unixSocket })),
    unpacker: createUnpacker(unpack),
    newBudget: () => newBudget(unpack),
    policy: policySettings.parse({}),
    inspect: inspectSettings.parse({}),
    staleFinding: () => null,
  }
})
after(async () => {
  await scanners.unpacker.close()
  await Promise.all([clamd.stop(), spamd.stop()])
  rmSync(directory, { recursive: true, force: true })
})

function mail(text: string, attachment: { name: string; content: Buffer } | null = null): string {
  const header = `From: ann@example.com\nTo: joe@example.org\nSubject: the minutes\nDate: Fri, 20 Nov 2026 12:00:00 +0000
Message-ID: <1@example.com>\nMIME-Version: 1.0\n`
  if (!attachment) return `${header}\n${text}\n`
  const lines = attachment.content.toString('base64').match(/.{1,76}/g) ?? []
  return `${header}Content-Type: multipart/mixed; boundary="=b"\n\n--=b\nContent-Type: text/plain\n\n${text}
--=b\nContent-Type: application/octet-stream; name="${attachment.name}"\nContent-Transfer-Encoding: base64\n\n${lines.join('\n')}
--=b--\n`
}

async function inspected(text: string): Promise<Inspection> {
  return inspect(await messageFrom(text), scanners, never)
}

const offer = {
  name: 'offer.zip',
  content: zip([{ name: 'inner.zip', content: zip([{ name: 'run.exe', content: eicar() }]) }]),
}

test('a clean mail with an archive passes, with the figures of spamd', async () => {
  const attachment = { name: 'minutes.zip', content: zip([{ name: 'minutes.txt', content: 'We met.' }]) }
  const { verdict, spamCheck } = await inspected(mail('Dear Joe,\n\nhere they are.', attachment))
  assert.deepEqual(verdict, { decision: 'pass', findings: [], policy: '' })
  assert.equal(spamCheck?.isSpam, false)
})

test('a virus in a zip in a zip is refused, and spamd is not asked', async () => {
  const { verdict, spamCheck } = await inspected(mail('Look at this.', offer))
  assert.equal(verdict.policy, 'policy.virus = "refuse"')
  assert.equal(spamCheck, null)
})

test('where clamd cannot take the message as a whole, its attachment is still scanned and named', async () => {
  const { verdict } = await inspected(mail('x'.repeat(70).concat('\n').repeat(20_000), offer))
  assert.deepEqual(verdict, {
    decision: 'refuse',
    findings: [{ kind: 'virus', name: 'Eicar-Test-Signature.UNOFFICIAL', where: '2 offer.zip > inner.zip > run.exe' }],
    policy: 'policy.virus = "refuse"',
  })
})

test('spam is marked with its score', async () => {
  const { verdict, spamCheck } = await inspected(mail(gtube()))
  assert.equal(verdict.policy, 'policy.spam = "tag"')
  assert.ok(spamCheck && spamCheck.score >= 1000 && spamCheck.tests.includes('GTUBE'))
})

test('with clamd gone the mail is deferred, and passes after clamd returns', async () => {
  await clamd.stop()
  const { verdict } = await inspected(mail('Good morning.'))
  assert.deepEqual(verdict.findings, [
    { kind: 'unscanned', by: 'clamd', why: 'connection failed, ENOENT', where: 'message' },
  ])
  assert.equal(verdict.decision, 'defer')
  clamd = await startClamd({ directory, streamMaxLengthBytes: STREAM_MAX_BYTES })
  assert.equal((await inspected(mail('Good morning.'))).verdict.decision, 'pass')
})

test('with spamd gone the mail is deferred, and passes after spamd returns', async () => {
  await spamd.kill()
  const { verdict } = await inspected(mail('Good morning.'))
  assert.equal(verdict.policy, 'policy.unscannedBySpamd = "defer"')
  spamd = await startSpamd({ directory })
  assert.equal((await inspected(mail('Good morning.'))).verdict.decision, 'pass')
})
