// The texts are what freshclam 1.4.6 printed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFreshclamOutput } from '../../signatures/freshclam-output.js'

const START = 'ClamAV update process started at Fri Nov 20 12:26:36 2026\n'
const NO_DNS = 'WARNING: DNS Update Info disabled. Falling back to HTTP mode.\n'

test('a database that was replaced is an update, and is named', () => {
  const said = readFreshclamOutput(
    `${START}${NO_DNS}daily.cld updated (version: 27821, sigs: 2077000, f-level: 90, builder: raynman)\n` +
      'main.cvd database is up-to-date (version: 62, sigs: 6647427, f-level: 90, builder: sigmgr)\n',
    0,
  )
  assert.deepEqual(said.result, { kind: 'updated', databases: ['daily.cld'] })
  assert.deepEqual(said.warnings, [])
})

test('databases that are all up to date are no update', () => {
  const text = `${START}daily.cld database is up-to-date (version: 27821, sigs: 2, f-level: 90, builder: r)\n`
  assert.deepEqual(readFreshclamOutput(text, 0).result, { kind: 'upToDate' })
  const custom = `${START}test.ndb is up-to-date (version: custom database)\n`
  assert.deepEqual(readFreshclamOutput(custom, 0).result, { kind: 'upToDate' })
})

test('being told to stay away is a cool-down although freshclam ends with 0', () => {
  const rateLimited =
    `${START}ERROR: Can't download test.ndb from http://127.0.0.1:8099/test.ndb\n` +
    'WARNING: FreshClam received error code 429 from the ClamAV Content Delivery Network (CDN).\n' +
    'WARNING: You are on cool-down until after: 2026-11-20 14:26:36\n'
  const expected = { kind: 'coolingDown', until: new Date(2026, 10, 20, 14, 26, 36) }
  assert.deepEqual(readFreshclamOutput(rateLimited, 0).result, expected)
  const still = `${START}WARNING: You are still on cool-down until after: 2026-11-20 14:26:36\n`
  assert.deepEqual(readFreshclamOutput(still, 0).result, expected)
})

test('a refused client (403) is a failure that says why and how long it lasts', () => {
  const { result } = readFreshclamOutput(
    'WARNING: You are on cool-down until after: 2026-11-21 12:26:36\n' +
      'ERROR: Database update process failed: Forbidden; Blocked by CDN\nERROR: Update failed.\n',
    17,
  )
  assert.ok(result.kind === 'failed')
  assert.match(result.why, /Forbidden; Blocked by CDN; .*no further request before 2026-11-2/)
})

test('an unreachable server is a failure with the reason freshclam gave', () => {
  const text =
    "ERROR: Download failed (7) ERROR:  Message: Couldn't connect to server\n" +
    'ERROR: Database update process failed: Connection failed\nERROR: Update failed.\n'
  assert.deepEqual(readFreshclamOutput(text, 5).result, {
    kind: 'failed',
    why: "Download failed (7) ERROR: Message: Couldn't connect to server; Database update process failed: Connection failed",
    exitCode: 5,
  })
})

test('one database updated and another failed is a failure', () => {
  const text = 'test.ndb updated (version: custom database, sigs: 1)\nERROR: Update failed for database: daily\n'
  assert.equal(readFreshclamOutput(text, 11).result.kind, 'failed')
})

test('silence with exit code 0 is a failure, not "up to date"', () => {
  assert.deepEqual(readFreshclamOutput('', 0).result, {
    kind: 'failed',
    why: 'freshclam did not say what it did',
    exitCode: 0,
  })
})

test('freshclam ended by a signal is a failure', () => {
  assert.deepEqual(readFreshclamOutput(START, null).result, {
    kind: 'failed',
    why: 'freshclam was ended by a signal',
    exitCode: null,
  })
})

test('times at the beginning of the lines (LogTime with LogVerbose) change nothing', () => {
  const text =
    'Fri Nov 20 12:31:09 2026 -> test.ndb updated (version: custom database, sigs: 1)\n' +
    'WARNING: Fri Nov  6 12:31:09 2026 -> Your ClamAV installation is OUTDATED!\n'
  const said = readFreshclamOutput(text, 0)
  assert.deepEqual(said.result, { kind: 'updated', databases: ['test.ndb'] })
  assert.deepEqual(said.warnings, ['Your ClamAV installation is OUTDATED!'])
})

test('what freshclam told clamd itself is not told again', () => {
  const told = 'daily.cld updated (version: 1, sigs: 1)\nClamd successfully notified about the update.\n'
  assert.equal(readFreshclamOutput(told, 0).clamdNotified, true)
  const notTold = "daily.cld updated (version: 1, sigs: 1)\nWARNING: Clamd was NOT notified: Can't connect to clamd\n"
  assert.equal(readFreshclamOutput(notTold, 0).clamdNotified, false)
})
