// The one interface that every archive format implements: bytes at hand go in, members come out one at a time, as
// they are asked for. A reader never throws for what an archive holds: it reports the fault and goes on or ends.
// The only error that passes through it is LimitReached, thrown by the hands it is given (take, into).
// A format is a folder with its reader; formats.ts lists them, recognise.ts knows their first bytes.
import type { UnpackLimits } from './settings.js'

/** Bytes that can be read at any place, at once: memory, or a file in a thread of its own. */
export interface Source {
  readonly sizeBytes: number
  /** The range, cut at the end of the source. */
  read(startByte: number, endByte: number): Buffer
}

/** What is wrong with a member or with the archive; unpack.ts gives it its `where`. */
export type Fault =
  | { readonly kind: 'encrypted' }
  | { readonly kind: 'ambiguous'; readonly what: string }
  | { readonly kind: 'unscanned'; readonly why: string }
  | { readonly kind: 'overLimit'; readonly limit: 'maxDictionaryBytes' }

/** Where a member's bytes go. The chunk is kept or copied before this returns. Throws LimitReached. */
export type Into = (chunk: Uint8Array) => void

export type Member = {
  /** To show, never a path: decoded, printable, cut (memberName). */
  readonly name: string
  /**
   * Writes the member's content, or as much of it as can be had. Called at most once, before the next member is asked for.
   * `nothing`: there is no content to look at (encrypted, unknown method), and that has been reported.
   */
  extract(into: Into): Promise<'content' | 'nothing'>
}

export type Reading = {
  readonly source: Source
  /** The archive's own name without its folders, for formats whose members have none. */
  readonly archiveName: string
  readonly limits: UnpackLimits
  /** Found inside of another archive: what stands behind this one belongs to that one. */
  readonly isInside: boolean
  /** Counts one entry and the time; to be called for every entry looked at, folders and links too. Throws LimitReached. */
  take(): void
  /** Looks at the time only: for loops over bytes that may find nothing. Throws LimitReached. */
  check(): void
  /** How many more entries may be counted: bounds what a reader keeps of a table of contents. */
  membersLeft(): number
  /** Has the thread end with this job: a decoder's memory that cannot be given back otherwise. */
  retireThread(): void
  /** memberName: the member it is about, or nothing when it is the archive as a whole. */
  report(fault: Fault, memberName?: string): void
}

export type ArchiveReader = (reading: Reading) => AsyncGenerator<Member, void, undefined>
