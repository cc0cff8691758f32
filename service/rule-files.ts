// Filters from the disk: read, parsed, checked, and kept by the identity and change time of their file, so that a
// filter is compiled once and a changed one is noticed with the next message.
import { constants, statSync } from 'node:fs'
import { open, readlink, realpath } from 'node:fs/promises'
import process from 'node:process'
import { formatFaults } from '../rules/diagnostics.js'
import { MAX_SOURCE_LENGTH, parseRules } from '../rules/parse-rules.js'
import type { Program, Trust } from '../rules/program.js'
import { isInside } from '../mda/mailbox-path.js'

export type RuleFile =
  | { readonly kind: 'absent' }
  /** `isInHome`: it really lies in the home, however it was named. */
  | { readonly kind: 'program'; readonly program: Program; readonly isInHome: boolean }
  /** `report` shows every fault with its line and a caret; `where` is `file:line:column: fault` of the first. */
  | { readonly kind: 'faulty'; readonly where: string; readonly report: string }

export type RuleFiles = {
  /** Rejects when the file is there and cannot be read now. */
  load(path: string, reader: RuleReader): Promise<RuleFile>
}

export type RuleReader = {
  /** Besides root and ourselves, whose file it may be. */
  readonly ownerUid: number
  readonly home: string
  /** A user's filter must really lie in the home, links included: virtual users share one uid. */
  readonly trust: Trust
}

/** Filters kept compiled; the one not used for longest goes first. */
const MAX_KEPT = 2_000

type Kept = { readonly version: string; readonly file: RuleFile }

export function createRuleFiles(): RuleFiles {
  const kept = new Map<string, Kept>()
  return {
    load: async (path, reader) => {
      const key = `${reader.trust}:${reader.home}:${path}`
      const version = versionOf(path)
      if (version === null) return { kind: 'absent' }
      const known = kept.get(key)
      kept.delete(key)
      const current = known?.version === version ? known : await read(path, reader)
      if (current === null) return { kind: 'absent' }
      kept.set(key, current)
      if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value ?? key)
      return current.file
    },
  }
}

/** Asked for every message, and answered from memory: a turn through the thread pool would cost twenty times as much. */
function versionOf(path: string): string | null {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found ? versionFrom(found) : null
}

type Identity = { dev: bigint; ino: bigint; size: bigint; mtimeNs: bigint; ctimeNs: bigint }

function versionFrom({ dev, ino, size, mtimeNs, ctimeNs }: Identity): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':')
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** O_NONBLOCK: a fifo in a filter's place must not hold up the mail. */
async function read(path: string, reader: RuleReader): Promise<Kept | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    if (isAbsent(error)) return null
    throw error
  })
  if (!file) return null
  try {
    const found = await file.stat({ bigint: true })
    const isInHome = isInside(await readlink(`/proc/self/fd/${file.fd}`), await realpath(reader.home))
    const outside = reader.trust === 'user' && !isInHome ? 'it lies outside the home directory' : null
    const fault = faultOf(found, reader.ownerUid) ?? outside
    const version = versionFrom(found)
    if (fault !== null)
      return { version, file: { kind: 'faulty', where: `${path}: ${fault}`, report: `${path}: ${fault}` } }
    return { version, file: compiled(await file.readFile('utf8'), path, isInHome) }
  } finally {
    await file.close()
  }
}

/** maildrop's conditions: a filter that somebody else could have written is not obeyed. */
function faultOf(found: Identity & { uid: bigint; mode: bigint; isFile(): boolean }, ownerUid: number): string | null {
  if (!found.isFile()) return 'it is not a regular file'
  if (found.size > MAX_SOURCE_LENGTH) return `it has more than ${MAX_SOURCE_LENGTH} bytes`
  const owners = [0, process.getuid?.() ?? 0, ownerUid]
  if (!owners.includes(Number(found.uid))) return 'it belongs to somebody else'
  if ((found.mode & 0o002n) !== 0n) return 'everybody may write to it'
  return null
}

function compiled(source: string, path: string, isInHome: boolean): RuleFile {
  const { program, faults } = parseRules(source, path)
  if (program) return { kind: 'program', program, isInHome }
  const [first] = faults
  const where = first ? `${first.fileName}:${first.line}:${first.column}: ${first.message}` : path
  return { kind: 'faulty', where, report: formatFaults(faults, source) }
}
