// The sendmail command as a way out: `sendmail -oi -f sender -- address …`, the message on standard input, no shell.
// Delivered only when it read everything and ended with 0. What its exit code (sysexits.h) says about the mail is
// final; what it says about the machine (its files, its settings, its use by us) is "later", as are a signal and the
// deadline.
import { spawn, type ChildProcess } from 'node:child_process'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { formatAddress } from '../mail/address.js'
import { chunksOf, type Content } from '../mail/content.js'
import { printable } from '../mail/finding.js'
import type { Outcome } from '../mail/outcome.js'
import type { Submission } from './submission.js'

const MAX_COMPLAINT_BYTES = 2048
const LAST_WORDS_MS = 200
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

/** sysexits.h: what is about this mail or its addresses, with the status that Postfix's pipe(8) gives the code. */
const FINAL_EXITS: Readonly<Record<number, string>> = {
  65: '5.6.0',
  67: '5.1.1',
  68: '5.1.2',
  69: '5.3.0',
  73: '5.2.0',
  76: '5.5.0',
  77: '5.7.0',
}
const EX_CONFIG = 78

type Ended = {
  readonly exitCode: number | null
  readonly signal: string | null
  readonly complaint: string
  readonly readAll: boolean
}

export async function submitToSendmail(
  submission: Submission,
  sendmailPath: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Outcome> {
  const deadline = AbortSignal.timeout(timeoutMs)
  const stop = signal ? AbortSignal.any([deadline, signal]) : deadline
  try {
    return outcomeOf(await runSendmail(submission, sendmailPath, stop))
  } catch (cause) {
    if (deadline.aborted) return { kind: 'tryLater', text: `sendmail did not end within ${timeoutMs} ms`, cause }
    if (stop.aborted) return { kind: 'tryLater', text: 'forwarding was interrupted', cause }
    const code = (cause as NodeJS.ErrnoException).code
    const isOurSetting = code === 'ENOENT' || code === 'EACCES' || code === 'ENOEXEC'
    return {
      kind: isOurSetting ? 'misconfigured' : 'tryLater',
      text: `sendmail could not be run (${code ?? 'fault'})`,
      cause,
    }
  }
}

/** Settles by `stop` at the latest, whatever the command and its children do. */
async function runSendmail(submission: Submission, sendmailPath: string, stop: AbortSignal): Promise<Ended> {
  stop.throwIfAborted()
  const sender = submission.sender === null ? '<>' : formatAddress(submission.sender)
  const args = ['-oi', '-f', sender, '--', ...submission.addresses.map(formatAddress)]
  // A group of its own: at the deadline its children go with it.
  const child = spawn(sendmailPath, args, {
    cwd: '/',
    env: { PATH, LANG: 'C' },
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: true,
  })
  const stopped = new Promise<never>((_, reject) => {
    stop.addEventListener('abort', () => reject(stop.reason as Error), { once: true })
  })
  try {
    return await Promise.race([talkTo(child, submission), stopped])
  } finally {
    killGroup(child)
    child.stdin.destroy()
    child.stderr.destroy()
  }
}

async function talkTo(child: ReturnType<typeof spawn>, submission: Submission): Promise<Ended> {
  const { stdin, stderr } = child
  if (!stdin || !stderr) throw new Error('sendmail has no standard input')
  let complaint = ''
  stderr.setEncoding('latin1').on('data', (text: string) => {
    if (complaint.length < MAX_COMPLAINT_BYTES) complaint += text.slice(0, MAX_COMPLAINT_BYTES - complaint.length)
  })
  // Its complaints about a message it does not want come from the exit code, not as an error of the pipe.
  stdin.on('error', () => undefined)
  const { chunks, fault } = watched(submission.content)
  const fed = pipeline(Readable.from(chunks, { objectMode: false }), stdin).then(
    () => true,
    () => false,
  )
  const [readAll, ended] = await Promise.all([fed, endOf(child)])
  // A message cut short by a fault of ours must not be taken for a whole one.
  const cutShort = fault()
  if (cutShort !== null) throw cutShort
  return { ...ended, complaint, readAll }
}

/** The exit, and then a moment for the last words: a child of its own may keep standard error open for long. */
function endOf(child: ChildProcess): Promise<{ exitCode: number | null; signal: string | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (exitCode, signal) => {
      const timer = setTimeout(() => resolve({ exitCode, signal }), LAST_WORDS_MS)
      child.once('close', () => {
        clearTimeout(timer)
        resolve({ exitCode, signal })
      })
    })
  })
}

/** The content's chunks, and afterwards the fault that ended them. */
function watched(content: Content): { chunks: AsyncIterable<Buffer>; fault: () => Error | null } {
  let seen: Error | null = null
  async function* pass(): AsyncGenerator<Buffer> {
    try {
      yield* chunksOf(content)
    } catch (error) {
      seen = error instanceof Error ? error : new Error('the message could not be read', { cause: error })
      throw seen
    }
  }
  return { chunks: pass(), fault: () => seen }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

function outcomeOf(ended: Ended): Outcome {
  const { exitCode, signal, readAll } = ended
  const complaint = printable(ended.complaint.trim().split('\n').at(-1) ?? '')
  const because = complaint === '' ? '' : `: ${complaint}`
  if (exitCode === 0 && readAll) return { kind: 'delivered', text: 'forwarded' }
  if (exitCode === 0) return { kind: 'tryLater', text: 'sendmail ended without reading the whole message' }
  if (exitCode === null)
    return { kind: 'tryLater', text: `sendmail was ended by ${signal ?? 'a signal'}`, cause: complaint }
  const status = FINAL_EXITS[exitCode]
  if (status !== undefined)
    return { kind: 'refused', text: `${status} sendmail refused to forward (${exitCode})${because}` }
  const kind = exitCode === EX_CONFIG ? 'misconfigured' : 'tryLater'
  return { kind, text: `sendmail could not forward now (${exitCode})`, cause: complaint }
}
