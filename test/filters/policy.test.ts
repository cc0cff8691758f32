// What the policy makes of findings.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FindingList, MAX_FINDINGS } from '../../filters/finding-list.js'
import { CLAMD_STREAM_LIMIT, policySettings, SPAMD_SIZE_LIMIT, verdictFrom } from '../../filters/policy.js'
import type { Finding } from '../../mail/finding.js'

const virus: Finding = { kind: 'virus', name: 'Eicar', where: 'message' }
const spam: Finding = { kind: 'spam', score: 15, threshold: 5, tests: [] }
const encrypted: Finding = { kind: 'encrypted', where: '2 a.zip' }
const overLimit: Finding = { kind: 'overLimit', limit: 'maxDepth', where: '2 a.zip' }
const ambiguous: Finding = { kind: 'ambiguous', what: 'boundary missing', where: '1' }
const stale: Finding = { kind: 'stale', ageHours: 200 }
const clamdDown: Finding = { kind: 'unscanned', by: 'clamd', why: 'down', where: 'message' }
const spamdDown: Finding = { kind: 'unscanned', by: 'spamd', why: 'down', where: 'message' }
const damaged: Finding = { kind: 'unscanned', by: 'unpack', why: 'truncated', where: '2 a.rar' }
const overStream: Finding = { kind: 'overLimit', limit: CLAMD_STREAM_LIMIT, where: 'message' }
const overSpam: Finding = { kind: 'overLimit', limit: SPAMD_SIZE_LIMIT, where: 'message' }

function decided(findings: Finding[], settings: object = {}): string {
  const { decision, policy } = verdictFrom(findings, policySettings.parse(settings))
  return `${decision}: ${policy}`
}

test('nothing found passes, and no setting decided it', () => {
  assert.equal(decided([]), 'pass: ')
})

const DEFAULTS: readonly [Finding, string][] = [
  [virus, 'refuse: policy.virus = "refuse"'],
  [spam, 'tag: policy.spam = "tag"'],
  [encrypted, 'tag: policy.encrypted = "tag"'],
  [overLimit, 'tag: policy.overLimit = "tag"'],
  [ambiguous, 'tag: policy.ambiguous = "tag"'],
  [stale, 'pass: policy.stale = "pass"'],
  [clamdDown, 'defer: policy.unscannedByClamd = "defer"'],
  [spamdDown, 'defer: policy.unscannedBySpamd = "defer"'],
  [damaged, 'tag: policy.unscannedByUnpack = "tag"'],
  [overStream, 'tag: policy.overScanLimit = "tag"'],
  [overSpam, 'pass: policy.overSpamLimit = "pass"'],
]

for (const [finding, verdict] of DEFAULTS) {
  test(`by default ${JSON.stringify(finding)} makes ${verdict}`, () => assert.equal(decided([finding]), verdict))
}

test('the gravest decision wins, in whatever order the findings come', () => {
  for (const findings of [
    [spam, virus, encrypted],
    [virus, encrypted, spam],
  ]) {
    assert.equal(decided(findings), 'refuse: policy.virus = "refuse"')
  }
  assert.equal(decided([virus, spam], { spam: 'discard' }), 'discard: policy.spam = "discard"')
})

test('of equal decisions the first finding is named', () => {
  assert.equal(decided([encrypted, spam]), 'tag: policy.encrypted = "tag"')
})

test('a virus found for certain is refused or discarded although another scanner is down', () => {
  assert.equal(decided([spamdDown, virus]), 'refuse: policy.virus = "refuse"')
  assert.equal(decided([virus, clamdDown], { virus: 'discard' }), 'discard: policy.virus = "discard"')
})

test('a scanner that is down defers what would only be marked', () => {
  assert.equal(decided([spam, encrypted, clamdDown]), 'defer: policy.unscannedByClamd = "defer"')
  assert.equal(decided([virus, clamdDown], { virus: 'tag' }), 'defer: policy.unscannedByClamd = "defer"')
})

test('a site that refuses the unscanned still defers while another scanner may answer later', () => {
  assert.equal(decided([damaged], { unscannedByUnpack: 'refuse' }), 'refuse: policy.unscannedByUnpack = "refuse"')
  assert.equal(
    decided([damaged, clamdDown], { unscannedByUnpack: 'refuse' }),
    'defer: policy.unscannedByClamd = "defer"',
  )
})

test('the settings take no decision that is not carried out', () => {
  for (const word of ['quarantine', 'REFUSE', '', 'drop'])
    assert.equal(policySettings.safeParse({ virus: word }).success, false)
  assert.equal(policySettings.safeParse({ viruses: 'refuse' }).success, false)
})

test('a flood of small findings is cut, and does not hide the grave one behind it', () => {
  const list = new FindingList()
  for (let i = 0; i < 1000; i++) list.add({ kind: 'ambiguous', what: 'x', where: `${i}` })
  list.add(overStream)
  list.add(virus)
  for (let i = 0; i < 1000; i++) list.add(clamdDown)
  assert.equal(list.all.length, MAX_FINDINGS + 3)
  assert.equal(verdictFrom(list.all, policySettings.parse({})).decision, 'refuse')
})
