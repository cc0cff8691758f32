// Source in, program out, or the list of what is wrong with it: lexer, parser and check in a row. A filter with a fault
// never runs, not even in part. Warnings are for what maildrop accepts and nobody means.
import { check } from './check.js'
import { faultAt, type Fault } from './diagnostics.js'
import { tokensOf } from './lexer.js'
import { StatementParser } from './parse-statements.js'
import { PatternCache } from './pattern.js'
import type { Program } from './program.js'
import { TokenReader } from './token-reader.js'

/** A filter file longer than this is not read. */
export const MAX_SOURCE_LENGTH = 256 * 1024
/** Patterns kept compiled whose text comes from variables. */
const MAX_VARIABLE_PATTERNS = 100

export type ParseResult = {
  /** null when there are faults. */
  readonly program: Program | null
  readonly faults: readonly Fault[]
  readonly warnings: readonly Fault[]
}

export function parseRules(source: string, fileName: string): ParseResult {
  if (source.length > MAX_SOURCE_LENGTH) {
    const start = { fileName, line: 1, column: 1 }
    return refused([faultAt(start, `the file is longer than ${MAX_SOURCE_LENGTH} characters`)])
  }
  const { tokens, faults: lexerFaults } = tokensOf(source, fileName)
  // What the lexer could not read would only show as more faults in the parser.
  if (lexerFaults.length > 0) return refused(lexerFaults)
  const reader = new TokenReader(tokens)
  const parser = new StatementParser(reader)
  const statements = parser.parseFile()
  if (parser.faults.length > 0) return refused(parser.faults, parser.warnings)
  const { faults, warnings, ...checked } = check(statements, reader.patternCount)
  const allWarnings = [...parser.warnings, ...warnings]
  if (faults.length > 0) return refused(faults, allWarnings)
  const { patterns, headerPrefilter, bodyPrefilter } = checked
  const variablePatterns = new PatternCache(MAX_VARIABLE_PATTERNS)
  const program = { fileName, source, statements, patterns, variablePatterns, headerPrefilter, bodyPrefilter }
  return { program, faults: [], warnings: allWarnings }
}

function refused(faults: readonly Fault[], warnings: readonly Fault[] = []): ParseResult {
  return { program: null, faults, warnings }
}
