// The whole `maildrop` command as a function: command line, environment and input come in, exit code and text go out.
// Asks the service first; where there is none, the same path runs here, in this process.
import { parseCommandLine } from './command-line.js'
import type { CommandLine } from './command-line.js'
import { submitOverLmtp } from './lmtp-client.js'
import { tryLater } from './lmtp-client-protocol.js'
import { withReturnPath } from './return-path.js'

export type Delivery = {
  readonly recipient: string
  /** null: the null sender. */
  readonly sender: string | null
  readonly input: AsyncIterable<Buffer>
  readonly configPath: string | null
}

export type Ending = { readonly exitCode: number; readonly text: string }

export type Invocation = {
  readonly argv: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  readonly version: string
  readonly input: () => AsyncIterable<Buffer>
  readonly deliverInProcess: (delivery: Delivery) => Promise<Ending>
}

export async function runMaildrop(invocation: Invocation): Promise<Ending> {
  const command = parseCommandLine(invocation.argv, invocation.environment)
  switch (command.kind) {
    case 'help':
      return { exitCode: 0, text: command.text }
    case 'version':
      return { exitCode: 0, text: `maildrop command of Mailweir ${invocation.version}\n` }
    case 'mistake':
      return { exitCode: 75, text: command.text }
    case 'run':
      return inTime(handOver(command, invocation), command.timeoutMs)
  }
}

/** Postfix bounces the mail of a command that it has to kill. */
async function inTime(work: Promise<Ending>, timeoutMs: number): Promise<Ending> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Ending>(resolve => {
    timer = setTimeout(() => resolve(tryLater('the delivery was not done in time')), timeoutMs)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

async function handOver(command: CommandLine & { kind: 'run' }, invocation: Invocation): Promise<Ending> {
  const { recipient, socketPath, configPath, timeoutMs } = command
  const opened = await openInput(command, invocation.input())
  if ('exitCode' in opened) return opened
  const { sender, input } = opened
  const submitted = await submitOverLmtp({ socketPath, sender, recipient, input, timeoutMs })
  if (submitted.kind === 'answered') return submitted
  return invocation.deliverInProcess({ recipient, sender, input, configPath })
}

async function openInput(
  command: CommandLine & { kind: 'run' },
  input: AsyncIterable<Buffer>,
): Promise<Ending | { readonly sender: string | null; readonly input: AsyncIterable<Buffer> }> {
  if (command.sender.from === 'option') return { sender: command.sender.address, input }
  try {
    return await withReturnPath(input)
  } catch (fault) {
    return tryLater(`cannot read the message: ${fault instanceof Error ? fault.message : String(fault)}`)
  }
}
