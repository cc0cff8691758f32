// Runs the tests and prints their totals last, as `N passed, N failed`; exits with 1 when any failed or none ran.
//   run.js quick   the tests that need no servers, on this Node
//   run.js all     the quick ones on this Node and on Node 24, then those against real servers, one file at a time
// A file that fails to load counts as one failed test.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import process from 'node:process'
import { run } from 'node:test'
import { fileURLToPath } from 'node:url'

const testRoot = dirname(fileURLToPath(import.meta.url))
const checkout = join(testRoot, '..', '..')
const LIVE_FOLDER = `live${sep}`
const FILE_TIMEOUT_MS = 10 * 60 * 1000

type Totals = { passed: number; failed: number }

async function main(which: string): Promise<void> {
  const files = testFiles()
  const quick = files.filter(file => !relative(testRoot, file).startsWith(LIVE_FOLDER))
  const live = files.filter(file => relative(testRoot, file).startsWith(LIVE_FOLDER))
  const totals: Totals = { passed: 0, failed: 0 }
  heading(`quick tests on Node ${process.version}`)
  add(totals, await runFiles(quick, Math.max(1, availableParallelism() - 1)))
  if (which === 'all') {
    add(totals, runQuickOnNode24())
    heading('tests against real servers')
    add(totals, await runFiles(live, 1))
  }
  process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed\n`)
  process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0
}

function testFiles(): string[] {
  const wanted = process.argv.slice(3)
  return readdirSync(testRoot, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.js'))
    .filter(name => wanted.length === 0 || wanted.some(word => name.includes(word)))
    .sort()
    .map(name => join(testRoot, name))
}

function runFiles(files: string[], concurrency: number): Promise<Totals> {
  const totals: Totals = { passed: 0, failed: 0 }
  if (files.length === 0) return Promise.resolve(totals)
  return new Promise((resolve, reject) => {
    const stream = run({ files, concurrency, timeout: FILE_TIMEOUT_MS })
    stream.on('test:pass', event => {
      if (isOneTest(event)) totals.passed++
    })
    stream.on('test:fail', event => {
      if (!isOneTest(event) && !isFile(event.name)) return
      totals.failed++
      process.stdout.write(`FAILED ${event.file ? relative(testRoot, event.file) : ''}: ${event.name}\n`)
      process.stdout.write(`${reasonOf(event.details.error)}\n`)
    })
    stream.on('test:stderr', event => process.stderr.write(event.message))
    stream.on('error', reject)
    stream.on('end', () => {
      process.stdout.write(`${totals.passed} of ${totals.passed + totals.failed} passed in ${files.length} files\n`)
      resolve(totals)
    })
    stream.resume()
  })
}

type TestEvent = { name: string; details: { type?: string | undefined; error?: Error } }

/** Suites only group tests; Node reports a whole file as a test as well, which counts only when it failed to load. */
function isOneTest(event: TestEvent): boolean {
  return event.details.type !== 'suite' && !isFile(event.name)
}

function isFile(name: string): boolean {
  return name.endsWith('.test.js')
}

function reasonOf(error: Error | undefined): string {
  const cause = error?.cause instanceof Error ? error.cause : error
  return cause?.stack ?? String(cause)
}

/** Node 24 has its own copy of the checkout, because compiled addons fit one Node only (test/install-node24.sh). */
function runQuickOnNode24(): Totals {
  heading('quick tests on Node 24')
  const ran = spawnSync(join(checkout, 'test', 'run-on-node24.sh'), {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  process.stdout.write(ran.stdout)
  const totals = /(\d+) passed, (\d+) failed\s*$/.exec(ran.stdout)
  if (!totals || (ran.status !== 0 && totals[2] === '0')) return { passed: 0, failed: 1 }
  return { passed: Number(totals[1]), failed: Number(totals[2]) }
}

function add(sum: Totals, more: Totals): void {
  sum.passed += more.passed
  sum.failed += more.failed
}

function heading(text: string): void {
  process.stdout.write(`\n== ${text}\n`)
}

await main(process.argv[2] ?? 'quick')
