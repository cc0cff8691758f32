// What is wrong with a filter, and where. A fault is a value: it prints as one line for the log and the reply,
// or with the source line and a caret for the person who wrote it. Columns count characters from 1.

export type Position = { readonly fileName: string; readonly line: number; readonly column: number }

export type Fault = Position & {
  readonly message: string
  /** What to write instead. */
  readonly hint?: string
}

/** More faults than anybody reads at once: the search for more ends there. */
export const MAX_FAULTS = 20
/** A message quotes the filter, which may hold words of any length. */
const MAX_MESSAGE_LENGTH = 200
const MAX_REPORT_LENGTH = 8 * 1024
/** Of a source line, around the column. */
const MAX_SHOWN_LENGTH = 160

export function faultAt(at: Position, message: string, hint?: string): Fault {
  const { fileName, line, column } = at
  const place = { fileName, line, column, message: shortened(message) }
  return hint === undefined ? place : { ...place, hint: shortened(hint) }
}

function shortened(text: string): string {
  return text.length > MAX_MESSAGE_LENGTH ? `${text.slice(0, MAX_MESSAGE_LENGTH)}…` : text
}

/** `.mailfilter:3:7: missing ")"`: for a log line and for the reply. */
export function describeFault(fault: Fault): string {
  return `${fault.fileName}:${fault.line}:${fault.column}: ${fault.message}`
}

/** The fault with its source line, a caret under the column and the hint. */
export function formatFault(fault: Fault, source: string): string {
  return withSourceLine(fault, lineAt(source, fault.line))
}

/** All of them, up to a bound. */
export function formatFaults(faults: readonly Fault[], source: string): string {
  const shown: string[] = []
  let length = 0
  for (const fault of faults.slice(0, MAX_FAULTS)) {
    const text = formatFault(fault, source)
    length += text.length + 1
    if (length > MAX_REPORT_LENGTH) break
    shown.push(text)
  }
  return shown.join('\n')
}

function lineAt(source: string, line: number): string {
  const lineEnd = /\r\n?|\n/g
  let from = 0
  for (let passed = 1; passed < line; passed++) {
    if (!lineEnd.test(source)) return ''
    from = lineEnd.lastIndex
  }
  return source.slice(from, lineEnd.exec(source)?.index)
}

function withSourceLine(fault: Fault, sourceLine: string): string {
  const from = sourceLine.length > MAX_SHOWN_LENGTH ? Math.max(0, fault.column - 1 - MAX_SHOWN_LENGTH / 2) : 0
  const shown = sourceLine.slice(from, from + MAX_SHOWN_LENGTH)
  // Tabs stay tabs, so that the caret stands where the terminal shows the character.
  const indent = shown.slice(0, fault.column - 1 - from).replace(/[^\t]/g, ' ')
  const lines = [describeFault(fault), `  ${shown}`, `  ${indent}^`]
  if (fault.hint !== undefined) lines.push(`  ${fault.hint}`)
  return lines.join('\n')
}
