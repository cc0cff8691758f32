// What is remembered between runs, in one small JSON file: the minute of the hour and the last run. A file that is
// missing or damaged is begun anew with another minute; a file that cannot be written rejects.
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import process from 'node:process'
import { z } from 'zod'
import type { DatabaseChange } from './databases.js'
import type { UpdateResult } from './freshclam-output.js'

export type Reload =
  { readonly kind: 'told' } | { readonly kind: 'notNeeded' } | { readonly kind: 'failed'; readonly why: string }

/** One run of freshclam and what came of it. */
export type UpdateReport = {
  readonly startedAt: Date
  readonly endedAt: Date
  readonly result: UpdateResult
  readonly changed: readonly DatabaseChange[]
  readonly reload: Reload
  readonly warnings: readonly string[]
}

export type UpdateState = {
  readonly minute: number
  readonly lastRun: UpdateReport | null
  /** The end of the last run that updated or found everything up to date. */
  readonly lastSuccessAt: Date | null
}

const date = z.iso.datetime().transform(text => new Date(text))

const result = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('updated'), databases: z.array(z.string()) }),
  z.object({ kind: z.literal('upToDate') }),
  z.object({ kind: z.literal('coolingDown'), until: date }),
  z.object({ kind: z.literal('failed'), why: z.string(), exitCode: z.int().nullable() }),
])

const reload = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('told') }),
  z.object({ kind: z.literal('notNeeded') }),
  z.object({ kind: z.literal('failed'), why: z.string() }),
])

const change = z.object({ name: z.string(), from: z.string().nullable(), to: z.string().nullable() })

const state = z.object({
  minute: z.int().min(0).max(59),
  lastRun: z
    .object({
      startedAt: date,
      endedAt: date,
      result,
      changed: z.array(change),
      reload,
      warnings: z.array(z.string()),
    })
    .nullable(),
  lastSuccessAt: date.nullable(),
})

/** Null when there is no file, or none that makes sense. Only a file that exists and cannot be read rejects. */
export async function readState(path: string): Promise<UpdateState | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  try {
    return state.parse(JSON.parse(text))
  } catch {
    return null
  }
}

/** Replaces the file as a whole: a reader sees the old one or the new one. */
export async function writeState(path: string, next: UpdateState): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  const temporary = `${path}.${process.pid}.new`
  try {
    // Never through what somebody else has put there under that name.
    await rm(temporary, { force: true })
    const file = await open(temporary, 'wx', 0o644)
    try {
      await file.writeFile(`${JSON.stringify(next, null, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
