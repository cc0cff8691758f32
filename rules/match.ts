// Searching with a pattern. In the message: as if each line were searched by itself, in truth whole blocks of lines at
// once (pattern-translation.ts says why that is the same), and only where the prefilter says the pattern occurs.
// In one text: from each match to the next.
import type { Pattern } from './ast.js'
import type { Run } from './asks.js'
import type { PieceOccurrences } from './message-text.js'
import type { Compiled } from './pattern.js'
import type { RunState } from './run-state.js'

/** The whole match and its groups; a group that took no part is empty. */
export type Captures = readonly string[]

/** Told of each match, one a line in messages; says whether to go on. Must not search itself. */
export type MatchTaker = (captures: Captures) => 'stop' | 'go on'

const LINE_FEED = 0x0a

/** The header's lines first, then the body's. */
export function* searchMessage(run: RunState, pattern: Pattern, compiled: Compiled, take: MatchTaker): Run<void> {
  const { header, body } = pattern.options
  if (header !== 'none' && searchHeader(run, pattern, compiled, take) === 'stop') return
  if (body) yield* searchBody(run, pattern, compiled, take)
}

function searchHeader(run: RunState, pattern: Pattern, compiled: Compiled, take: MatchTaker): 'stop' | 'go on' {
  const block = pattern.options.header === 'top' ? run.message.topHeader : run.message.allHeaders
  if (block === null || isAbsent(run, pattern, run.message.occurringInHeader(run.program))) return 'go on'
  run.budget.work(block.length, pattern.at)
  return searchLines(block, compiled, take)
}

function* searchBody(run: RunState, pattern: Pattern, compiled: Compiled, take: MatchTaker): Run<void> {
  let fromByte: number | null = 0
  while (fromByte !== null) {
    const piece: PieceOccurrences = yield* run.message.occurringInBody(run.program, fromByte)
    if (!isAbsent(run, pattern, piece.occurring)) {
      const { lines } = yield* run.message.pieceAt(fromByte)
      run.budget.work(lines?.length ?? 0, pattern.at)
      if (lines && searchLines(lines, compiled, take) === 'stop') return
    }
    fromByte = piece.nextByte
  }
}

/** Whether it is known, without asking the world, that the pattern is nowhere in the message: so for most rules. */
export function isKnownAbsent(run: RunState, pattern: Pattern): boolean {
  const { header, body } = pattern.options
  if (header !== 'none' && !isAbsent(run, pattern, run.message.occurringInHeader(run.program))) return false
  if (!body) return true
  const pieces = run.message.knownInBody(run.program)
  return pieces !== null && pieces.every(piece => isAbsent(run, pattern, piece.occurring))
}

/** The prefilter knows constant patterns only. */
function isAbsent(run: RunState, pattern: Pattern, occurring: ReadonlySet<number> | null): boolean {
  return occurring !== null && run.program.patterns[pattern.index] !== null && !occurring.has(pattern.index)
}

function searchLines(lines: Buffer, { search }: Compiled, take: MatchTaker): 'stop' | 'go on' {
  search.lastIndex = 0
  for (;;) {
    const found = search.exec(lines)
    if (!found) return 'go on'
    const groups = Array.from(found as unknown as ArrayLike<Buffer | undefined>)
    if (take(groups.map(group => group?.toString() ?? '')) === 'stop') return 'stop'
    const lineEnd = lines.indexOf(LINE_FEED, found.index)
    if (lineEnd < 0) return 'go on'
    search.lastIndex = lineEnd + 1
  }
}

export function searchText(text: string, { search }: Compiled, take: MatchTaker): void {
  search.lastIndex = 0
  for (let found = firstInText(text, search); found; found = search.exec(text)) {
    if (take(Array.from(found, (group: string | undefined) => group ?? '')) === 'stop') return
    if (found[0] === '') search.lastIndex++
    if (search.lastIndex > text.length) return
  }
}

/** PCRE's `$` stands before a last line end too; RE2's does not. */
function firstInText(text: string, search: Compiled['search']): RegExpExecArray | null {
  return search.exec(text) ?? (text.endsWith('\n') ? search.exec(text.slice(0, -1)) : null)
}
