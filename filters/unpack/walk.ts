// The walk through one container, in a reading thread: recognise, read, go into every member that is an archive,
// give it out. Whatever an archive holds ends in leaves and findings; a limit reached ends the walk with one more.
import type { Finding } from '../../mail/finding.js'
import { LimitReached, type Budget, type Stopwatch } from './budget.js'
import { READERS } from './formats.js'
import { MemberWriter, type MemberBytes, type Meter, type ScratchStack } from './member-bytes.js'
import type { Fault, Member, Reading, Source } from './reader.js'
import { recognise, type Recognised } from './recognise.js'
import { sourceFrom } from './source.js'

export type Walk = {
  readonly budget: Budget
  readonly stopwatch: Stopwatch
  readonly meter: Meter
  readonly scratch: ScratchStack
  finding(finding: Finding): void
  reading(where: string): void
  retireThread(): void
  /** Gives the leaf out, its memory with it; resolves when the walk may go on. */
  leaf(where: string, bytes: MemberBytes): Promise<void>
}

export type Place = { readonly where: string; readonly name: string; readonly depth: number }

/** An archive can make a finding of every one of its members; no more than this of each kind are told. */
const MAX_FINDINGS_OF_A_KIND = 25

export async function walk(into: Walk, source: Source, where: string, fileName: string | null): Promise<void> {
  const place: Place = { where, name: fileName ?? where, depth: 0 }
  const walker = new Walker(into)
  try {
    await walker.look(source, place)
  } catch (error) {
    if (error instanceof LimitReached) walker.report({ kind: 'overLimit', limit: error.limit }, walker.where)
    else walker.report({ kind: 'unscanned', why: `not read: ${messageOf(error)}` }, walker.where)
  }
}

class Walker {
  where = ''
  readonly #told = new Map<string, number>()

  constructor(private readonly walk: Walk) {}

  /** Opens what these bytes are, if they are an archive. */
  async look(source: Source, place: Place): Promise<void> {
    const { archives, ambiguous } = await recognise((start, end) => source.read(start, end), source.sizeBytes)
    if (archives.length === 0) return
    if (place.depth >= this.walk.budget.limits.maxDepth) {
      this.report({ kind: 'overLimit', limit: 'maxDepth' }, place.where)
      return
    }
    if (ambiguous !== null) this.report({ kind: 'ambiguous', what: ambiguous }, place.where)
    for (const archive of archives) await this.#open(source, archive, place)
  }

  async #open(source: Source, archive: Recognised, place: Place): Promise<void> {
    const reading: Reading = {
      source: sourceFrom(source, archive.startByte),
      archiveName: place.name.slice(place.name.lastIndexOf('/') + 1),
      limits: this.walk.budget.limits,
      isInside: archive.isInside ?? false,
      take: () => {
        this.walk.stopwatch.check()
        this.walk.budget.takeMember()
      },
      check: () => this.walk.stopwatch.check(),
      membersLeft: () => this.walk.budget.membersLeft(),
      retireThread: () => this.walk.retireThread(),
      report: (fault, name) => this.report(fault, name === undefined ? place.where : inside(place.where, name)),
    }
    this.#enter(place.where)
    try {
      for await (const member of READERS[archive.format](reading)) {
        await this.#member(member, {
          where: inside(place.where, member.name),
          name: member.name,
          depth: place.depth + 1,
        })
        this.#enter(place.where)
      }
    } catch (error) {
      if (error instanceof LimitReached || isOurs(error)) throw error
      this.report({ kind: 'unscanned', why: `damaged ${archive.format}: ${messageOf(error)}` }, place.where)
    }
  }

  async #member(member: Member, place: Place): Promise<void> {
    this.#enter(place.where)
    const writer = new MemberWriter(this.walk.meter, this.walk.scratch)
    const result = await member.extract(chunk => writer.write(chunk))
    if (result === 'nothing') return
    const bytes = writer.finish()
    const bottomByte = this.walk.scratch.topByte
    if (bytes.memory === null) this.walk.scratch.topByte += bytes.sizeBytes
    const { archives } = await recognise((start, end) => bytes.source.read(start, end), bytes.sizeBytes)
    try {
      if (archives.length > 0) await this.look(bytes.source, place)
    } finally {
      // After what is in it, and also when a limit ended the reading of that.
      await this.walk.leaf(place.where, bytes)
    }
    this.walk.scratch.topByte = bottomByte
  }

  report(fault: Fault | { kind: 'overLimit'; limit: string }, where: string): void {
    const finding: Finding = fault.kind === 'unscanned' ? { ...fault, by: 'unpack', where } : { ...fault, where }
    const same = JSON.stringify(finding)
    const told = this.#told.get(finding.kind) ?? 0
    if (told >= MAX_FINDINGS_OF_A_KIND || this.#told.has(same)) return
    this.#told.set(finding.kind, told + 1).set(same, 1)
    this.walk.finding(finding)
  }

  #enter(where: string): void {
    this.where = where
    this.walk.reading(where)
  }
}

function inside(where: string, name: string): string {
  return `${where} > ${name}`
}

/** The scratch file could not be read or written: no fault of the archive, and no other reader would do better. */
function isOurs(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
