// What is wrong with a filter, and where. A fault is a value: it prints as one line for the log and the reply,
// or with the source line and a caret for the person who wrote it. Columns count characters from 1.

export type Position = { readonly fileName: string; readonly line: number; readonly column: number }

export type Fault = Position & {
  readonly message: string
  /** What to write instead. */
  readonly hint?: string
}

export function faultAt(at: Position, message: string, hint?: string): Fault {
  const { fileName, line, column } = at
  return hint === undefined ? { fileName, line, column, message } : { fileName, line, column, message, hint }
}

/** `.mailfilter:3:7: missing ")"`: for a log line and for the reply. */
export function describeFault(fault: Fault): string {
  return `${fault.fileName}:${fault.line}:${fault.column}: ${fault.message}`
}

/** The fault with its source line, a caret under the column and the hint. */
export function formatFault(fault: Fault, source: string): string {
  const sourceLine = source.split(/\r?\n/)[fault.line - 1] ?? ''
  // Tabs stay tabs, so that the caret stands where the terminal shows the character.
  const indent = sourceLine.slice(0, fault.column - 1).replace(/[^\t]/g, ' ')
  const lines = [describeFault(fault), `  ${sourceLine}`, `  ${indent}^`]
  if (fault.hint !== undefined) lines.push(`  ${fault.hint}`)
  return lines.join('\n')
}
