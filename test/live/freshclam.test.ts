// The real freshclam against a mirror on this machine: what it says is read as what happened. No network is needed.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile, mkdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { signaturesSettings } from '../../signatures/settings.js'
import type { SignaturesSettings } from '../../signatures/settings.js'
import { readState } from '../../signatures/state-file.js'
import { signatureStatus } from '../../signatures/status.js'
import { updateSignatures } from '../../signatures/update.js'
import type { UpdateReport } from '../../signatures/state-file.js'

type Mirror = {
  readonly port: number
  readonly requests: string[]
  /** What is answered from now on. */
  answer: (request: IncomingMessage, response: ServerResponse) => void
}

async function startMirror(t: TestContext): Promise<Mirror> {
  const mirror = { port: 0, requests: [] as string[], answer: serving('Test.One:0:*:58354f\n', new Date()) }
  const server = createServer((request, response) => {
    mirror.requests.push(`${request.method ?? ''} ${request.url ?? ''}`)
    mirror.answer(request, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  mirror.port = (server.address() as { port: number }).port
  return mirror
}

/** As web servers do, 304 for who has it already. */
function serving(content: string, modifiedAt: Date): Mirror['answer'] {
  return (request, response) => {
    const since = request.headers['if-modified-since']
    if (since !== undefined && new Date(since).getTime() >= Math.floor(modifiedAt.getTime() / 1000) * 1000) {
      response.writeHead(304).end()
    } else {
      response
        .writeHead(200, { 'Last-Modified': modifiedAt.toUTCString(), 'Content-Length': content.length })
        .end(content)
    }
  }
}

function answering(status: number, headers: Record<string, string> = {}): Mirror['answer'] {
  return (_request, response) => response.writeHead(status, headers).end()
}

async function newSettings(t: TestContext, source: string): Promise<SignaturesSettings> {
  const folder = await mkdtemp(join(tmpdir(), 'mailweir-freshclam-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const databaseDirectory = join(folder, 'db')
  await mkdir(databaseDirectory)
  const freshclamConfig = join(folder, 'freshclam.conf')
  await writeFile(
    freshclamConfig,
    `DatabaseOwner ${userInfo().username}\n${source}\nMaxAttempts 1\nConnectTimeout 3\nReceiveTimeout 10\nTestDatabases yes\n`,
  )
  return signaturesSettings.parse({ freshclamConfig, databaseDirectory, stateFile: join(folder, 'signatures.json') })
}

function customDatabase(port: number): string {
  const excluded = ['main', 'daily', 'bytecode'].map(name => `ExcludeDatabase ${name}`)
  return [
    `DatabaseCustomURL http://127.0.0.1:${port}/test.ndb`,
    `PrivateMirror http://127.0.0.1:${port}`,
    ...excluded,
  ].join('\n')
}

async function update(
  settings: SignaturesSettings,
  reload = async (): Promise<void> => undefined,
): Promise<UpdateReport> {
  const outcome = await updateSignatures(settings, 'now', { reload, signal: new AbortController().signal })
  assert.equal(outcome.kind, 'ran')
  return outcome.report
}

test('new signatures on the mirror are fetched and clamd is told; unchanged ones are not fetched again', async t => {
  const mirror = await startMirror(t)
  const settings = await newSettings(t, customDatabase(mirror.port))
  let reloads = 0
  const reload = async (): Promise<void> => {
    reloads++
  }

  const first = await update(settings, reload)
  assert.deepEqual(first.result, { kind: 'updated', databases: ['test.ndb'] })
  assert.deepEqual(
    first.changed.map(({ name, from }) => [name, from]),
    [['test.ndb', null]],
  )
  assert.equal(await readFile(join(settings.databaseDirectory, 'test.ndb'), 'utf8'), 'Test.One:0:*:58354f\n')
  assert.equal(reloads, 1)

  const second = await update(settings, reload)
  assert.deepEqual(second.result, { kind: 'upToDate' })
  assert.deepEqual([second.changed, second.reload, reloads], [[], { kind: 'notNeeded' }, 1])

  mirror.answer = serving('Test.One:0:*:58354f\nTest.Two:0:*:59455f\n', new Date(Date.now() + 60_000))
  const third = await update(settings, reload)
  assert.deepEqual(third.result, { kind: 'updated', databases: ['test.ndb'] })
  assert.equal(third.changed[0]?.from, first.changed[0]?.to)
  assert.equal(reloads, 2)
  assert.equal(mirror.requests.length, 3)
})

test('signatures that freshclam says are new, but are the same, are no reason to load them again', async t => {
  const mirror = await startMirror(t)
  const settings = await newSettings(t, customDatabase(mirror.port))
  await update(settings)
  mirror.answer = serving('Test.One:0:*:58354f\n', new Date(Date.now() + 60_000))
  const report = await update(settings, () => Promise.reject(new Error('told')))
  assert.equal(report.result.kind, 'updated')
  assert.deepEqual([report.changed, report.reload], [[], { kind: 'notNeeded' }])
})

test('a mirror that limits us (429) is a cool-down, although freshclam ends with 0; its end is known afterwards', async t => {
  const mirror = await startMirror(t)
  const settings = await newSettings(t, customDatabase(mirror.port))
  mirror.answer = answering(429, { 'Retry-After': '7200' })
  const { result } = await update(settings)
  assert.equal(result.kind, 'coolingDown')
  const inMinutes = (result.until.getTime() - Date.now()) / 60_000
  assert.ok(inMinutes > 118 && inMinutes < 121, `until ${result.until.toISOString()}`)

  const status = await signatureStatus(settings, { kind: 'unreachable', why: 'not running' }, new Date())
  assert.deepEqual(status.coolDownUntil, result.until)
  assert.ok(status.nextRunAt && status.nextRunAt >= result.until)
  const due = await updateSignatures(settings, 'due', {
    reload: async () => undefined,
    signal: new AbortController().signal,
  })
  assert.equal(due.kind, 'notDue')
})

test('a private mirror of the official databases that limits us is a cool-down too, at once and while it lasts', async t => {
  const mirror = await startMirror(t)
  const settings = await newSettings(t, `PrivateMirror http://127.0.0.1:${mirror.port}`)
  mirror.answer = answering(429, { 'Retry-After': '7200' })
  assert.equal((await update(settings)).result.kind, 'coolingDown')
  const asked = mirror.requests.length
  assert.equal((await update(settings)).result.kind, 'coolingDown')
  assert.equal(mirror.requests.length, asked)
})

test('a mirror that refuses us (403) is a failure that says so', async t => {
  const mirror = await startMirror(t)
  const settings = await newSettings(t, customDatabase(mirror.port))
  mirror.answer = answering(403)
  const { result } = await update(settings)
  assert.equal(result.kind, 'failed')
  assert.equal(result.exitCode, 17)
  assert.match(result.why, /Forbidden.*no further request before/)
})

test('a mirror that is not there, or has no such file, is a failure; the signatures stay and clamd is left alone', async t => {
  const mirror = await startMirror(t)
  const settings = await newSettings(t, customDatabase(mirror.port))
  await update(settings)
  mirror.answer = answering(404)
  const missing = await update(settings)
  assert.equal(missing.result.kind, 'failed')
  assert.match(missing.result.why, /Can't download test\.ndb/)

  await writeFile(
    settings.freshclamConfig,
    (await readFile(settings.freshclamConfig, 'utf8')).replaceAll(`:${mirror.port}`, ':1'),
  )
  const unreachable = await update(settings)
  assert.equal(unreachable.result.kind, 'failed')
  assert.match(unreachable.result.why, /Couldn't connect to server/)
  assert.deepEqual([unreachable.changed, unreachable.reload], [[], { kind: 'notNeeded' }])
  assert.equal(await readFile(join(settings.databaseDirectory, 'test.ndb'), 'utf8'), 'Test.One:0:*:58354f\n')
  const state = await readState(settings.stateFile)
  assert.ok(state?.lastSuccessAt && state.lastSuccessAt < unreachable.startedAt)
})

test('signatures that clamd could not load are refused by freshclam, and that is a failure', async t => {
  const mirror = await startMirror(t)
  const settings = await newSettings(t, customDatabase(mirror.port))
  mirror.answer = serving('this is no signature\n', new Date())
  const report = await update(settings)
  assert.equal(report.result.kind, 'failed')
  assert.deepEqual(report.changed, [])
})

test('a fault in freshclam.conf is shown with its line', async t => {
  const settings = await newSettings(t, 'Bogus yes')
  const { result } = await update(settings)
  assert.equal(result.kind, 'failed')
  assert.match(result.why, /Parse error at .*freshclam\.conf:2: Unknown option Bogus/)
})

test('a mirror that takes the request and stays silent is given up at the deadline', async t => {
  const mirror = await startMirror(t)
  const settings = await newSettings(t, customDatabase(mirror.port))
  mirror.answer = () => undefined
  const { runFreshclam } = await import('../../signatures/freshclam.js')
  const started = Date.now()
  const said = await runFreshclam({ ...settings, timeoutMs: 1_000 }, new AbortController().signal)
  assert.equal(said.result.kind, 'failed')
  assert.ok(Date.now() - started < 8_000)
})
