// One run of freshclam at a time on this host: a lock file beside the state file that names the process holding it.
// A lock whose process has ended is taken over. A directory that cannot be written rejects.
import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

export type RunLock =
  { readonly kind: 'held'; release(): Promise<void> } | { readonly kind: 'busy'; readonly pid: number }

type Holder = { readonly pid: number; readonly startTicks: string; readonly token: string }

/** Two processes that both found the same dead holder have both written by then; the last one stays. */
const TAKE_OVER_SETTLE_MS = 200

export async function takeRunLock(path: string): Promise<RunLock> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  const token = randomUUID()
  const own = `${path}.${token}`
  await writeFile(own, `${process.pid} ${(await startTicksOf(process.pid)) ?? '0'} ${token}\n`, {
    mode: 0o644,
    flag: 'wx',
  })
  try {
    for (;;) {
      if (await linked(own, path)) return held(path, token)
      const holder = await holderOf(path)
      if (holder === 'gone') continue
      if (holder !== 'unreadable' && (await isAlive(holder))) return { kind: 'busy', pid: holder.pid }
      await rename(own, path)
      await sleep(TAKE_OVER_SETTLE_MS)
      const winner = await holderOf(path)
      if (typeof winner !== 'string' && winner.token === token) return held(path, token)
      return { kind: 'busy', pid: typeof winner === 'string' ? 0 : winner.pid }
    }
  } finally {
    await rm(own, { force: true })
  }
}

/** A link appears with its content, so nobody ever reads a lock half written. */
async function linked(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function held(path: string, token: string): RunLock {
  return {
    kind: 'held',
    release: async () => {
      const holder = await holderOf(path)
      if (typeof holder !== 'string' && holder.token === token) await rm(path, { force: true })
    },
  }
}

async function holderOf(path: string): Promise<Holder | 'gone' | 'unreadable'> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone'
    throw error
  }
  const [, pid, startTicks = '', token = ''] = /^(\d{1,9}) (\d+) (\S+)\n$/.exec(text) ?? []
  return pid === undefined ? 'unreadable' : { pid: Number(pid), startTicks, token }
}

/** Process numbers come round again: the process must also have started when the holder did. */
async function isAlive({ pid, startTicks }: Holder): Promise<boolean> {
  return (await startTicksOf(pid)) === startTicks
}

/** When the process started, in ticks since the machine did (proc(5), stat, field 22); null when there is no such process. */
async function startTicksOf(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The second field, the program's name, may contain blanks and parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}
