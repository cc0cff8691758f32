// Runs a golden case through the parser and the interpreter with a world that only writes down what it is asked.
// Optional sections: `site` (the site's script, runs first), `file NAME` (for include), `environment` (for import),
// `variables`, `failing` (mailboxes and logfiles that fail, one a line).
import type { Answer, Ask, Facts, RulesResult } from '../../rules/asks.js'
import { formatFault, type Position } from '../../rules/diagnostics.js'
import { parseRules, type ParseResult } from '../../rules/parse-rules.js'
import type { Script, Trust } from '../../rules/program.js'
import { runRules } from '../../rules/run.js'
import type { Case } from './case-format.js'

/** What the case comes to, in the words of its last section. */
export function outcomeOf(theCase: Case): { name: string; text: string } {
  const parsed = scriptsOf(theCase)
  const broken = parsed.find(({ result }) => result.program === null)
  if (broken)
    return { name: 'faults', text: withLineEnds(broken.result.faults.map(f => formatFault(f, broken.source))) }
  const scripts = parsed.map(({ result, trust }): Script => ({ program: result.program!, trust }))
  const warnings = parsed.flatMap(({ result }) => result.warnings.map(w => noted(`warning: ${w.message}`, w)))
  return { name: 'plan', text: withLineEnds([...warnings, ...planOf(theCase, scripts)]) }
}

type Parsed = { source: string; trust: Trust; result: ParseResult }

function scriptsOf({ sections }: Case): Parsed[] {
  const named: [string, Trust][] = [
    ['site', 'site'],
    ['rules', 'user'],
  ]
  return named.flatMap(([name, trust]) => {
    const source = sections.get(name)
    return source === undefined ? [] : [{ source, trust, result: parseRules(source, name) }]
  })
}

function planOf(theCase: Case, scripts: readonly Script[]): string[] {
  const plan: string[] = []
  const run = runRules(scripts, factsOf(theCase))
  let step = run.next(undefined)
  while (!step.done) {
    const line = planLine(step.value)
    if (line !== null) plan.push(line)
    step = run.next(answerFor(theCase, step.value))
  }
  return [...plan, ...outputLines(step.value.output), ...endLines(step.value)]
}

function planLine(ask: Ask): string | null {
  switch (ask.ask) {
    case 'deliver': {
      const verb = ask.statement === 'to' ? 'deliver' : ask.statement
      const confined = ask.statement === 'default' && ask.trust === 'user' ? ' (as the user set it)' : ''
      return noted(`${verb} ${ask.to}${confined}`, ask.at)
    }
    case 'log':
      return noted(`log ${JSON.stringify(ask.text)}`, ask.at)
    case 'logfile':
      return noted(`logfile ${ask.path}`, ask.at)
    case 'include':
      return noted(`include ${ask.fileName}`, ask.at)
    case 'warn':
      return noted(`warn: ${ask.fault.message}`, ask.fault)
    default:
      return null
  }
}

function noted(line: string, at: Position | null): string {
  return at === null ? line : `${line.padEnd(38)} # ${at.fileName} line ${at.line}`
}

function outputLines(output: string): string[] {
  if (output === '') return []
  const lines = output.split('\n')
  return lines.at(-1) === '' ? lines.slice(0, -1).map(line => `echo ${line}`.trimEnd()) : [`echo, unended: ${output}`]
}

function endLines(result: RulesResult): string[] {
  switch (result.kind) {
    case 'delivered':
      return result.exitCode === 0 ? [] : [`exit code ${result.exitCode}`]
    case 'exited':
      return [`exit ${result.exitCode}`]
    case 'failed':
      return [noted(`failed: ${result.outcome.kind}, ${result.outcome.text}`, result.at)]
    case 'faulted':
      return [noted(`fault: ${result.fault.message}`, result.fault)]
  }
}

function factsOf({ sections }: Case): Facts {
  const message = sections.get('message') ?? ''
  return {
    headerLines: headerLinesOf(message),
    sender: 'sender@example.org',
    sizeBytes: Buffer.byteLength(message),
    variables: new Map([['HOME', '/home/joe'], ['DEFAULT', './default'], ...pairsIn(sections.get('variables'))]),
    environment: new Map(pairsIn(sections.get('environment'))),
    timeSeconds: 1_700_000_000,
  }
}

function pairsIn(text = ''): [string, string][] {
  return [...text.matchAll(/^([^=\n]+)=(.*)$/gm)].map(pair => [pair[1] ?? '', pair[2] ?? ''])
}

function headerLinesOf(message: string): string[] {
  const [header = ''] = message.split('\n\n', 1)
  return header
    .replace(/\n(?=[ \t])/g, ' ')
    .split('\n')
    .filter(line => line !== '')
}

function answerFor(theCase: Case, ask: Ask): Answer {
  const { sections } = theCase
  const message = sections.get('message') ?? ''
  const failing = (sections.get('failing') ?? '').split('\n')
  switch (ask.ask) {
    case 'deliver':
      if (!failing.includes(ask.to)) return { delivered: true }
      return { delivered: false, outcome: { kind: 'mailboxFull', text: `${ask.to} is full` } }
    case 'body': {
      const start = message.indexOf('\n\n')
      return { bytes: Buffer.from(start < 0 ? '' : message.slice(start + 2)), nextByte: null }
    }
    case 'lines':
      return message.split('\n').length - 1
    case 'logfile':
      if (!failing.includes(ask.path)) return { opened: true }
      return { opened: false, outcome: { kind: 'tryLater', text: `${ask.path} cannot be opened` } }
    case 'include':
      return includeAnswer(sections.get(`file ${ask.fileName}`), ask.fileName)
    default:
      return undefined
  }
}

function includeAnswer(source: string | undefined, fileName: string): Answer {
  if (source === undefined) return { outcome: { kind: 'misconfigured', text: `${fileName} is not there` } }
  const { program, faults } = parseRules(source, fileName)
  const [fault] = faults
  return program ? { program, trust: 'user' } : { fault: fault! }
}

function withLineEnds(lines: readonly string[]): string {
  return lines.map(line => `${line}\n`).join('')
}
