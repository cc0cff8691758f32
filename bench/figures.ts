// Runs two programs in turn, several times, so that a noisy neighbour disturbs both, and prints medians and ratios.
import { execFileSync } from 'node:child_process'
import process from 'node:process'
import type { LoadResult } from './load.js'

export type Contender = {
  readonly name: string
  /** Prints one line of JSON, as load.js and spawn do. */
  readonly command: readonly [string, ...string[]]
  /** Before every run: empties the mailboxes. */
  readonly before: () => void
  readonly environment?: NodeJS.ProcessEnv
}

export type Figure = {
  readonly name: string
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly errors: number
}

const RUNS = Number(process.env['RUNS'] ?? 3)

/** One warm-up run each, then RUNS runs each, alternating. */
export function race(title: string, contenders: readonly Contender[]): Figure[] {
  const runs = new Map<string, LoadResult[]>(contenders.map(({ name }) => [name, []]))
  for (let round = 0; round <= RUNS; round++) {
    for (const contender of contenders) {
      contender.before()
      const result = runOnce(contender)
      if (round > 0) runs.get(contender.name)!.push(result)
    }
  }
  const figures = contenders.map(({ name }) => medianOf(name, runs.get(name)!))
  print(title, figures)
  return figures
}

export function runOnce(contender: Contender): LoadResult {
  const [file, ...args] = contender.command
  const output = outputOf(file, args, contender.environment)
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as LoadResult
}

/** A run with errors ends with 1 and still prints its figures: the errors are part of them. */
function outputOf(file: string, args: string[], environment?: NodeJS.ProcessEnv): string {
  try {
    return execFileSync(file, args, {
      encoding: 'utf8',
      env: environment ?? process.env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  } catch (error) {
    const { stdout } = error as { stdout?: string }
    if (stdout) return stdout
    throw error
  }
}

function medianOf(name: string, runs: readonly LoadResult[]): Figure {
  const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!
  return {
    name,
    perSecond: median(runs.map(run => run.perSecond)),
    p50Ms: median(runs.map(run => run.p50Ms)),
    p99Ms: median(runs.map(run => run.p99Ms)),
    errors: Math.max(...runs.map(run => run.errors)),
  }
}

/** The last contender is the one that the others are compared with. */
function print(title: string, figures: readonly Figure[]): void {
  const reference = figures.at(-1)!
  process.stdout.write(`\n${title}\n`)
  for (const { name, perSecond, p50Ms, p99Ms, errors } of figures) {
    const ratio = name === reference.name ? '' : `   ${(perSecond / reference.perSecond).toFixed(2)} x`
    const faults = errors > 0 ? `   ${errors} ERRORS` : ''
    process.stdout.write(
      `  ${name.padEnd(34)} ${perSecond.toFixed(0).padStart(6)}/s   p50 ${p50Ms.toFixed(2).padStart(7)} ms   p99 ${p99Ms.toFixed(2).padStart(7)} ms${ratio}${faults}\n`,
    )
  }
}
