// The command line of `maildrop`, as Postfix's pipe writes it. Comes in as arguments and environment, goes out as what to do.
// A mistake is a text for the log, beginning with the enhanced status that makes it "try later". native/maildrop.c is the same.
import { senderFrom, writtenAddress } from './pipe-address.js'

export type CommandLine =
  | {
      readonly kind: 'run'
      readonly recipient: string
      /** Without `-f` the sender stands in the message's Return-Path; null is the null sender. */
      readonly sender: { readonly from: 'option'; readonly address: string | null } | { readonly from: 'returnPath' }
      readonly socketPath: string
      readonly configPath: string | null
      readonly timeoutMs: number
    }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' }
  | { readonly kind: 'mistake'; readonly text: string }

export const DEFAULT_SOCKET_PATH = '/run/mailweir/lmtp.sock'
/** Below the 1000 seconds after which Postfix kills the command and bounces the mail. */
export const TOTAL_TIMEOUT_SECONDS = 900

const HELP = `Usage: maildrop -d RECIPIENT [-f SENDER] [--socket PATH] [--config FILE]
Delivers the message on standard input to RECIPIENT.
  -d RECIPIENT           whom the message is for: an address or a user
  -f SENDER              the envelope sender; without it the Return-Path on top of the message, if there is one
  -V LEVEL               taken and ignored, as maildrop does when it delivers
  --socket PATH          the service's LMTP socket (else $MAILWEIR_SOCKET, else ${DEFAULT_SOCKET_PATH})
  --config FILE          the settings when there is no service (else $MAILWEIR_CONFIG)
  --timeout-seconds N    after this the answer is "try later" (1 to ${TOTAL_TIMEOUT_SECONDS}, else ${TOTAL_TIMEOUT_SECONDS})
  -v, --version          prints the version
  -h, --help             prints this text
`

const OPTIONS_WITH_VALUE = ['-d', '-f', '-V', '--socket', '--config', '--timeout-seconds']
const UNSUPPORTED_MAILDROP_OPTIONS = ['-a', '-A', '-D', '-m', '-M', '-t', '-w', '-W']

type Option = { readonly name: string; readonly attached: string | null }

export function parseCommandLine(argv: readonly string[], environment: NodeJS.ProcessEnv): CommandLine {
  const values = new Map<string, string>()
  let index = 0
  for (; index < argv.length; index += 1) {
    const argument = argv[index]!
    if (argument === '--') {
      index += 1
      break
    }
    if (!argument.startsWith('-') || argument === '-') break
    if (argument === '-h' || argument === '--help') return { kind: 'help', text: HELP }
    if (argument === '-v' || argument === '--version') return { kind: 'version' }
    const option = optionIn(argument)
    if (!option) return unknownOption(argument)
    const value = option.attached ?? argv[++index]
    if (value === undefined) return mistake(`a value is missing after: ${option.name}`)
    if (option.name === '-d' && values.has('-d')) return mistake(`-d is given twice, one recipient is taken: ${value}`)
    if (option.name === '--timeout-seconds' && !isTimeout(value))
      return mistake(`--timeout-seconds takes a number from 1 to ${TOTAL_TIMEOUT_SECONDS}: ${value}`)
    values.set(option.name, value)
  }
  if (index < argv.length)
    return mistake(`a filter file or its arguments on the command line are not supported: ${argv[index]!}`)
  return runWith(values, environment)
}

/** `-d USER`, `-dUSER`, `--socket PATH`, `--socket=PATH`. */
function optionIn(argument: string): Option | null {
  const equals = argument.indexOf('=')
  const isLong = argument.startsWith('--')
  const nameLength = isLong ? (equals < 0 ? argument.length : equals) : 2
  const name = argument.slice(0, nameLength)
  if (!OPTIONS_WITH_VALUE.includes(name)) return null
  if (argument.length === nameLength) return { name, attached: null }
  return { name, attached: argument.slice(isLong ? nameLength + 1 : nameLength) }
}

function unknownOption(argument: string): CommandLine {
  const isMaildrops = UNSUPPORTED_MAILDROP_OPTIONS.includes(argument.slice(0, 2))
  return mistake(`${isMaildrops ? 'this option of maildrop is not supported' : 'unknown option'}: ${argument}`)
}

function isTimeout(text: string): boolean {
  return /^\d{1,9}$/.test(text) && Number(text) >= 1 && Number(text) <= TOTAL_TIMEOUT_SECONDS
}

function runWith(values: ReadonlyMap<string, string>, environment: NodeJS.ProcessEnv): CommandLine {
  const [recipientText, senderText] = [values.get('-d'), values.get('-f')]
  if (recipientText === undefined) return mistake('no recipient: -d RECIPIENT is needed')
  const recipient = writtenAddress(recipientText)
  if (recipient === null) return mistake(`-d: not an address: ${recipientText}`)
  const sender = senderText === undefined ? undefined : senderFrom(senderText)
  if (sender === 'invalid') return mistake(`-f: not an address: ${senderText ?? ''}`)
  return {
    kind: 'run',
    recipient,
    sender: sender === undefined ? { from: 'returnPath' } : { from: 'option', address: sender.address },
    socketPath: values.get('--socket') ?? (environment.MAILWEIR_SOCKET || DEFAULT_SOCKET_PATH),
    configPath: values.get('--config') ?? (environment.MAILWEIR_CONFIG || null),
    timeoutMs: Number(values.get('--timeout-seconds') ?? TOTAL_TIMEOUT_SECONDS) * 1000,
  }
}

function mistake(text: string): CommandLine {
  return { kind: 'mistake', text: `4.3.5 maildrop: ${text}\n` }
}
