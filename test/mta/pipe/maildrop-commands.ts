// The `maildrop` command in its two forms, for tests that run both: the C client, compiled here, and the one in Node.
import { execFileSync, spawn } from 'node:child_process'
import type { StdioOptions } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const checkout = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', '..')
export const C_SOURCE = join(checkout, 'native', 'maildrop.c')
export const NODE_COMMAND = join(checkout, 'dist', 'bin', 'maildrop.js')

export type MaildropCommand = { readonly name: string; readonly argv: readonly string[] }

export type Ran = { readonly exitCode: number | null; readonly signal: string | null; readonly output: string }

export type Run = {
  readonly args: readonly string[]
  /** The message; null for one that never comes; or what standard input, output and error are instead. */
  readonly stdin?: Buffer | string | readonly Buffer[] | null | { readonly stdio: StdioOptions }
  readonly environment?: Readonly<Record<string, string>>
  /** Called once the process runs. */
  readonly meanwhile?: (pid: number) => void
}

export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'maildrop-test-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Compiles the C client as FOLDER/bin/maildrop, so that FOLDER/dist is where it looks for the command in Node. */
export function compileInto(folder: string, ...flags: string[]): MaildropCommand {
  const program = join(folder, 'bin', 'maildrop')
  mkdirSync(dirname(program), { recursive: true })
  const macros = [`-DNODE="${process.execPath}"`, '-DVERSION="0.1.0"']
  execFileSync('cc', ['-std=c11', '-O1', '-Wall', '-Wextra', '-Werror', ...macros, ...flags, C_SOURCE, '-o', program])
  return { name: 'the C client', argv: [program] }
}

export const nodeCommand: MaildropCommand = { name: 'the command in Node', argv: [process.execPath, NODE_COMMAND] }

export function run(command: MaildropCommand, options: Run): Promise<Ran> {
  const { stdin = 'Subject: x\n\nhello\n' } = options
  const special = stdin !== null && typeof stdin === 'object' && 'stdio' in stdin
  const child = spawn(command.argv[0]!, [...command.argv.slice(1), ...options.args], {
    stdio: special ? stdin.stdio : ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...options.environment },
  })
  if (child.pid !== undefined) options.meanwhile?.(child.pid)
  // A command that is refused ends before it has read everything.
  child.stdin?.on('error', () => undefined)
  if (!special && stdin !== null) {
    for (const piece of Array.isArray(stdin) ? (stdin as Buffer[]) : [stdin as Buffer | string])
      child.stdin?.write(piece)
    child.stdin?.end()
  }
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout?.on('data', chunk => (output += String(chunk)))
    child.stderr?.on('data', chunk => (output += String(chunk)))
    child.once('error', reject)
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal, output }))
  })
}
