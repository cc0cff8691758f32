// `make bench`: Mailweir beside its peers, on this machine, in one run, as ratios. Root is needed for the peers' users.
//   CORPUS=folder   real mail to measure with (LF line ends), instead of the corpus made here
//   RUNS=n          runs per figure (3)
//   bench names after the command choose: pipe lmtp postfix memory
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { cpus } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { checkout, publicFolder } from '../test/servers/installation.js'
import { corpusFolder } from './corpus.js'
import type { Bench } from './scratch.js'
import { measureLmtp } from './measure-lmtp.js'
import { measureMemory } from './measure-memory.js'
import { measurePipe } from './measure-pipe.js'
import { measurePostfix } from './measure-postfix.js'

const BENCH_USER = 'mailweir-bench'

const MEASUREMENTS: Record<string, (bench: Bench) => Promise<void>> = {
  pipe: measurePipe,
  lmtp: measureLmtp,
  postfix: measurePostfix,
  memory: measureMemory,
}

async function main(names: string[]): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('make bench needs root: the peers are started as users of their own')
  const scratch = publicFolder('bench')
  const user = makeUser(scratch)
  try {
    const bench: Bench = {
      scratch,
      corpus: corpusFolder(scratch),
      user,
      spawn: compileSpawn(scratch),
      load: join(here(), 'load.js'),
    }
    chmodSync(scratch, 0o755)
    process.stdout.write(
      `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${readdirSync(bench.corpus).length} messages; syncs on in all\n`,
    )
    for (const name of names) await MEASUREMENTS[name]?.(bench)
  } finally {
    spawnSync('userdel', [BENCH_USER], { stdio: 'ignore' })
    rmSync(scratch, { recursive: true, force: true })
  }
}

function here(): string {
  return dirname(fileURLToPath(import.meta.url))
}

function makeUser(scratch: string): Bench['user'] {
  const home = join(scratch, 'home')
  spawnSync('userdel', [BENCH_USER], { stdio: 'ignore' })
  execFileSync('useradd', ['--no-create-home', '--user-group', '--home-dir', home, '--shell', '/bin/sh', BENCH_USER])
  const id = (flag: string): number => Number(execFileSync('id', [flag, BENCH_USER], { encoding: 'utf8' }))
  const user = { name: BENCH_USER, uid: id('-u'), gid: id('-g'), home }
  mkdirSync(home, { mode: 0o700 })
  chownSync(home, user.uid, user.gid)
  return user
}

function compileSpawn(scratch: string): string {
  const binary = join(scratch, 'spawn')
  execFileSync('cc', ['-O2', '-o', binary, join(checkout, 'bench', 'spawn.c')])
  return binary
}

await main(process.argv.length > 2 ? process.argv.slice(2) : Object.keys(MEASUREMENTS))
