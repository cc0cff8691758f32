// The processes below one, and the memory they have together, as Linux tells it in /proc.
import { readFileSync } from 'node:fs'

export function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)
}

/** The process itself, its children, their children. */
export function treeOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(treeOf)]
}

/** Has not ended; a zombie, which nobody has waited for yet, has. */
export function isAlive(pid: number): boolean {
  return /^State:\s+[^ZX]/m.test(read(`/proc/${pid}/status`))
}

/** Resident memory of all of them, where what several share counts once. */
export function residentBytes(pids: readonly number[]): number {
  const kibibytes = pids.map(pid => Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0))
  return kibibytes.reduce((sum, value) => sum + value, 0) * 1024
}

/** Empty when the process has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return ''
    throw error
  }
}
