#!/usr/bin/env node
// `maildrop -d RECIPIENT`, run by an MTA's pipe where native/maildrop.c finds no service or was not built.
// Whatever happens in this process, it ends with an outcome's exit code, and with 75 ("try later") for every fault:
// Node's own exit code 1 would make Postfix bounce the mail. So all else is loaded inside the try.
import { readFileSync } from 'node:fs'

const EXIT_LATER = 75
const OUTPUT_TIMEOUT_MS = 2000

let isEnding = false

/** Ends the process once the text is written, or cannot be. */
function end(exitCode: number, text: string): void {
  if (isEnding) return
  isEnding = true
  process.exitCode = exitCode
  const exit = (): never => process.exit(exitCode)
  setTimeout(exit, OUTPUT_TIMEOUT_MS)
  try {
    process.stdout.on('error', exit)
    process.stdout.write(text, exit)
  } catch {
    exit()
  }
}

function reason(fault: unknown): string {
  return (fault instanceof Error ? fault.message : String(fault)).replace(/\s+/g, ' ')
}

async function main(): Promise<void> {
  try {
    const { runMaildrop } = await import('../mta/pipe/maildrop-command.js')
    const packageJson = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    const ending = await runMaildrop({
      argv: process.argv.slice(2),
      environment: process.env,
      version: packageJson.version,
      input: () => process.stdin,
      deliverInProcess: async delivery => {
        const { deliverInProcess } = await import('../service/deliver-in-process.js')
        return deliverInProcess(delivery)
      },
    })
    end(ending.exitCode, ending.text)
  } catch (fault) {
    end(EXIT_LATER, `4.3.0 maildrop: ${reason(fault)}\n`)
  }
}

// For an end that nobody chose: a promise that never settles lets Node run out of work.
process.exitCode = EXIT_LATER
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const)
  process.on(signal, () => end(EXIT_LATER, '4.3.0 maildrop: interrupted by a signal\n'))
process.on('uncaughtException', fault => end(EXIT_LATER, `4.3.0 maildrop: ${reason(fault)}\n`))
process.on('unhandledRejection', fault => end(EXIT_LATER, `4.3.0 maildrop: ${reason(fault)}\n`))
void main()
