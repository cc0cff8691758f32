// Updates with a small program in freshclam's place; the real one is in test/live/freshclam.test.ts.
import assert from 'node:assert/strict'
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { keepUpdated } from '../../signatures/keep-updated.js'
import { takeRunLock } from '../../signatures/run-lock.js'
import { signaturesSettings } from '../../signatures/settings.js'
import type { SignaturesSettings } from '../../signatures/settings.js'
import { readState, writeState } from '../../signatures/state-file.js'
import { describeStatus, signatureStatus } from '../../signatures/status.js'
import { updateSignatures } from '../../signatures/update.js'
import type { UpdateOutcome } from '../../signatures/update.js'

const UP_TO_DATE = "echo 'test.ndb is up-to-date (version: custom database)'"
const UPDATED = 'date +%N > "$db/test.ndb"; echo \'test.ndb updated (version: custom database, sigs: 1)\''

type Host = {
  readonly settings: SignaturesSettings
  readonly reloads: () => number
  readonly world: { reload(): Promise<void>; signal: AbortSignal }
  /** What freshclam does next, in shell. */
  freshclamDoes(script: string): Promise<void>
  failReloads(why: string | null): void
}

async function newHost(t: TestContext): Promise<Host> {
  const folder = await mkdtemp(join(tmpdir(), 'mailweir-signatures-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const settings = signaturesSettings.parse({
    freshclamPath: join(folder, 'freshclam'),
    freshclamConfig: join(folder, 'freshclam.conf'),
    databaseDirectory: join(folder, 'db'),
    stateFile: join(folder, 'state', 'signatures.json'),
  })
  await mkdir(settings.databaseDirectory)
  let reloads = 0
  let why: string | null = null
  const host: Host = {
    settings,
    reloads: () => reloads,
    world: {
      reload: async () => {
        reloads++
        if (why !== null) throw new Error(why)
      },
      signal: new AbortController().signal,
    },
    freshclamDoes: script =>
      writeFile(settings.freshclamPath, `#!/bin/sh\ndb='${settings.databaseDirectory}'\n${script}\n`, { mode: 0o755 }),
    failReloads: reason => (why = reason),
  }
  await host.freshclamDoes(UP_TO_DATE)
  return host
}

function reportOf(outcome: UpdateOutcome) {
  assert.equal(outcome.kind, 'ran')
  return outcome.report
}

test('clamd is told when the databases changed, and left alone when they did not', async t => {
  const host = await newHost(t)
  await host.freshclamDoes(UPDATED)
  const first = reportOf(await updateSignatures(host.settings, 'now', host.world))
  assert.deepEqual(first.result, { kind: 'updated', databases: ['test.ndb'] })
  assert.deepEqual(first.reload, { kind: 'told' })
  assert.equal(host.reloads(), 1)
  await host.freshclamDoes(UP_TO_DATE)
  const second = reportOf(await updateSignatures(host.settings, 'now', host.world))
  assert.deepEqual(second.result, { kind: 'upToDate' })
  assert.deepEqual(second.reload, { kind: 'notNeeded' })
  assert.equal(host.reloads(), 1)
})

test('databases that changed before freshclam failed are loaded all the same', async t => {
  const host = await newHost(t)
  await host.freshclamDoes(`${UPDATED}; echo 'ERROR: Update failed for database: daily'; exit 11`)
  const report = reportOf(await updateSignatures(host.settings, 'now', host.world))
  assert.equal(report.result.kind, 'failed')
  assert.equal(host.reloads(), 1)
})

test('a clamd that could not be told is told at the next run, even when nothing is new then', async t => {
  const host = await newHost(t)
  await host.freshclamDoes(UPDATED)
  host.failReloads('clamd is down')
  const first = reportOf(await updateSignatures(host.settings, 'now', host.world))
  assert.deepEqual(first.reload, { kind: 'failed', why: 'clamd is down' })
  await host.freshclamDoes(UP_TO_DATE)
  host.failReloads(null)
  assert.deepEqual(reportOf(await updateSignatures(host.settings, 'now', host.world)).reload, { kind: 'told' })
  assert.deepEqual(reportOf(await updateSignatures(host.settings, 'now', host.world)).reload, { kind: 'notNeeded' })
})

test('a freshclam that told clamd itself is not repeated', async t => {
  const host = await newHost(t)
  await host.freshclamDoes(`${UPDATED}; echo 'Clamd successfully notified about the update.'`)
  assert.deepEqual(reportOf(await updateSignatures(host.settings, 'now', host.world)).reload, { kind: 'told' })
  assert.equal(host.reloads(), 0)
})

test('two runs at once do not happen: the second says who is at it', async t => {
  const host = await newHost(t)
  await host.freshclamDoes(`sleep 1; ${UP_TO_DATE}`)
  const first = updateSignatures(host.settings, 'now', host.world)
  await new Promise(resolve => setTimeout(resolve, 300))
  assert.deepEqual(await updateSignatures(host.settings, 'now', host.world), {
    kind: 'alreadyRunning',
    pid: process.pid,
  })
  assert.equal((await first).kind, 'ran')
  assert.equal((await updateSignatures(host.settings, 'now', host.world)).kind, 'ran')
})

test('the lock of a process that died, or whose number another process has now, is taken over', async t => {
  const host = await newHost(t)
  const lock = `${host.settings.stateFile}.lock`
  await mkdir(join(lock, '..'), { recursive: true })
  for (const left of ['4194304 1 dead\n', `${process.pid} 1 earlier\n`, 'half a li']) {
    await writeFile(lock, left)
    assert.equal((await updateSignatures(host.settings, 'now', host.world)).kind, 'ran', left)
  }
})

test('of many that find the same dead holder, one gets the lock', async t => {
  const host = await newHost(t)
  const path = `${host.settings.stateFile}.lock`
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, '4194304 1 dead\n')
  const locks = await Promise.all(Array.from({ length: 8 }, () => takeRunLock(path)))
  const held = locks.filter(lock => lock.kind === 'held')
  assert.equal(held.length, 1)
  await held[0]!.release()
  assert.equal((await takeRunLock(path)).kind, 'held')
})

test('a release does not remove a lock that somebody else holds by now', async t => {
  const host = await newHost(t)
  const path = `${host.settings.stateFile}.lock`
  const lock = await takeRunLock(path)
  assert.equal(lock.kind, 'held')
  await writeFile(path, '1 1 another\n')
  await lock.release()
  assert.equal(await readFile(path, 'utf8'), '1 1 another\n')
})

test('the service does not run freshclam twice within the hour, a person may', async t => {
  const host = await newHost(t)
  assert.equal((await updateSignatures(host.settings, 'due', host.world)).kind, 'ran')
  const outcome = await updateSignatures(host.settings, 'due', host.world)
  assert.equal(outcome.kind, 'notDue')
  const { minute } = (await readState(host.settings.stateFile))!
  assert.equal(outcome.nextAt.getUTCMinutes(), minute)
  assert.equal((await updateSignatures(host.settings, 'now', host.world)).kind, 'ran')
})

test('the minute of the hour survives restarts, and a damaged state file only costs a new one', async t => {
  const host = await newHost(t)
  await updateSignatures(host.settings, 'now', host.world)
  const first = (await readState(host.settings.stateFile))!
  await updateSignatures(host.settings, 'now', host.world)
  assert.equal((await readState(host.settings.stateFile))!.minute, first.minute)
  await writeFile(host.settings.stateFile, '{"minute": 75}')
  assert.equal(await readState(host.settings.stateFile), null)
  assert.equal((await updateSignatures(host.settings, 'now', host.world)).kind, 'ran')
  assert.ok((await readState(host.settings.stateFile))!.lastSuccessAt instanceof Date)
})

test('what a run did is read back from the state file as it was', async t => {
  const host = await newHost(t)
  await host.freshclamDoes(`${UPDATED}; echo 'WARNING: Your ClamAV installation is OUTDATED!'`)
  const report = reportOf(await updateSignatures(host.settings, 'now', host.world))
  assert.deepEqual((await readState(host.settings.stateFile))?.lastRun, report)
})

test('a freshclam that never ends is ended with what it started, and that is a failure', async t => {
  const host = await newHost(t)
  const { runFreshclam } = await import('../../signatures/freshclam.js')
  await host.freshclamDoes('trap \'\' TERM; sleep 600 & echo $! > "$db/child"; wait')
  const started = Date.now()
  const said = await runFreshclam({ ...host.settings, timeoutMs: 300 }, host.world.signal)
  assert.ok(said.result.kind === 'failed')
  assert.match(said.result.why, /did not end/)
  assert.ok(Date.now() - started < 8_000)
  const child = Number(await readFile(join(host.settings.databaseDirectory, 'child'), 'utf8'))
  assert.equal(await isRunning(child), false)
})

/** An ended process that nobody has asked about yet is a zombie: it runs no more. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  return stat !== null && !/\) [ZX] /.test(stat)
}

test('a service that stops ends the freshclam that is running', async t => {
  const host = await newHost(t)
  await host.freshclamDoes('sleep 600')
  const stop = new AbortController()
  const running = updateSignatures(host.settings, 'now', { ...host.world, signal: stop.signal })
  setTimeout(() => stop.abort(), 200)
  const report = reportOf(await running)
  assert.equal(report.result.kind, 'failed')
})

test('a freshclam that floods its output costs no more than a bounded memory', async t => {
  const host = await newHost(t)
  await host.freshclamDoes(`${UP_TO_DATE}; head -c 50000000 /dev/zero | tr '\\0' x`)
  const before = process.memoryUsage().rss
  const report = reportOf(await updateSignatures(host.settings, 'now', host.world))
  assert.deepEqual(report.result, { kind: 'upToDate' })
  assert.ok(process.memoryUsage().rss - before < 40e6)
})

test('a freshclam that is not there is a failure with its path, not a crash', async t => {
  const host = await newHost(t)
  await rm(host.settings.freshclamPath)
  const report = reportOf(await updateSignatures(host.settings, 'now', host.world))
  assert.match(report.result.kind === 'failed' ? report.result.why : '', /cannot run .*freshclam: .*ENOENT/)
})

test('a host without any signatures updates as soon as the service runs, others wait for their minute', async t => {
  const host = await newHost(t)
  await host.freshclamDoes(UPDATED)
  const stop = new AbortController()
  const outcomes: UpdateOutcome[] = []
  const world = {
    ...host.world,
    signal: stop.signal,
    onOutcome: (outcome: UpdateOutcome) => {
      outcomes.push(outcome)
      setTimeout(() => stop.abort(), 200)
    },
    onFault: (error: unknown) => assert.fail(String(error)),
  }
  await keepUpdated(host.settings, world)
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    ['ran'],
  )
  // The next start finds signatures and a run of just now: nothing happens until it is told to stop.
  const again = new AbortController()
  setTimeout(() => again.abort(), 300)
  await keepUpdated(host.settings, { ...world, signal: again.signal })
  assert.equal(outcomes.length, 1)
})

test('signatures that the service is not to update are left alone', async t => {
  const host = await newHost(t)
  const world = {
    ...host.world,
    onOutcome: () => assert.fail('ran'),
    onFault: (error: unknown) => assert.fail(String(error)),
  }
  await keepUpdated({ ...host.settings, enabled: false }, world)
  assert.equal(await readState(host.settings.stateFile), null)
})

test('the status shows what lies there, what clamd has, the last run and the next', async t => {
  const host = await newHost(t)
  await host.freshclamDoes(UPDATED)
  await updateSignatures(host.settings, 'now', host.world)
  const state = (await readState(host.settings.stateFile))!
  await writeState(host.settings.stateFile, { ...state, minute: 17 })
  const now = new Date('2030-01-01T10:00:00Z')
  const clamd = { kind: 'loaded', version: 'ClamAV 1.4.6/27821', date: new Date('2029-12-29T10:00:00Z') } as const
  const status = await signatureStatus(host.settings, clamd, now)
  assert.deepEqual(status.nextRunAt, new Date('2030-01-01T10:17:00Z'))
  assert.equal(status.isStale, true)
  const text = describeStatus(status)
  assert.match(text, /^database {4}test\.ndb, version sha256 [0-9a-f]{16}, written /m)
  assert.match(text, /^age {9}72 hours, as clamd has them loaded: stale$/m)
  assert.match(text, /^last run .* updated test\.ndb; test\.ndb new -> sha256 [0-9a-f]{16}; clamd told$/m)
})
