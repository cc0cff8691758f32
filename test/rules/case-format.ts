// A golden case: one claim about a filter, readable by whoever runs a mail server. `# claim`, then sections that begin
// with `== name`: message, rules, and what is expected, as plan or as faults. See run-case.ts for the optional ones.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const casesFolder = fileURLToPath(new URL('../../../test/rules/cases/', import.meta.url))

export type Case = {
  readonly name: string
  readonly claim: string
  /** Why the real maildrop 2.9.3 does something else; null where it must do the same. */
  readonly differs: string | null
  readonly sections: ReadonlyMap<string, string>
}

export function readCases(): Case[] {
  return readdirSync(casesFolder)
    .filter(file => file.endsWith('.case'))
    .sort()
    .map(readCase)
}

function readCase(file: string): Case {
  const [head = '', ...parts] = readFileSync(join(casesFolder, file), 'utf8').split(/^== /m)
  const sections = new Map<string, string>()
  for (const part of parts) {
    const lineEnd = part.indexOf('\n')
    sections.set(part.slice(0, lineEnd).trim(), part.slice(lineEnd + 1))
  }
  const comments = head.split('\n').map(line => line.replace(/^# ?/, ''))
  const differs = comments.find(line => line.startsWith('maildrop: '))
  return {
    name: file.replace(/\.case$/, ''),
    claim: comments[0] ?? '',
    differs: differs?.slice('maildrop: '.length) ?? null,
    sections,
  }
}

/** The section that says what is expected: the last one. */
export function expectation(theCase: Case): { name: string; text: string } {
  const [name, text] = [...theCase.sections].at(-1) ?? ['', '']
  return { name, text }
}

/** The case's file with another expectation. */
export function withExpectation(theCase: Case, name: string, text: string): string {
  const file = readFileSync(join(casesFolder, `${theCase.name}.case`), 'utf8')
  const last = file.lastIndexOf('\n== ') + 1
  const head = /^== (?:plan|faults)\n/.test(file.slice(last)) ? file.slice(0, last) : file
  return `${head}== ${name}\n${text}`
}
