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
const FILE_SYSTEM_SIZE = '12G'

const MEASUREMENTS: Record<string, (bench: Bench) => Promise<void>> = {
  pipe: measurePipe,
  lmtp: measureLmtp,
  postfix: measurePostfix,
  memory: measureMemory,
}

async function main(names: string[]): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('make bench needs root: the peers are started as users of their own')
  const folder = publicFolder('bench')
  const scratch = join(folder, 'scratch')
  const isMounted = mountFresh(folder, scratch)
  const user = makeUser(scratch)
  try {
    const bench: Bench = {
      scratch,
      corpus: corpusFolder(scratch),
      user,
      spawn: compileSpawn(scratch),
      load: join(here(), 'load.js'),
    }
    process.stdout.write(
      `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${readdirSync(bench.corpus).length} messages; syncs on in all\n`,
    )
    for (const name of names) await MEASUREMENTS[name]?.(bench)
  } finally {
    spawnSync('userdel', [BENCH_USER], { stdio: 'ignore' })
    if (isMounted) spawnSync('umount', ['--lazy', scratch])
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * A new ext4 in a file, for everybody who is measured: how fast an old file system makes files depends on what was
 * deleted from it lately. Where none can be mounted, an ordinary folder must do. True when it was mounted.
 */
function mountFresh(folder: string, scratch: string): boolean {
  const image = join(folder, 'disk')
  mkdirSync(scratch)
  const steps: [string, string[]][] = [
    ['truncate', ['-s', FILE_SYSTEM_SIZE, image]],
    ['mkfs.ext4', ['-q', '-F', image]],
    ['mount', ['-o', 'loop', image, scratch]],
  ]
  const mounted = steps.every(([command, args]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0)
  chmodSync(scratch, 0o755)
  return mounted
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
