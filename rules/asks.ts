// The line between rules and world. Running rules performs nothing: the run is a generator that yields an Ask and goes
// on with the Answer it is given, so the same run serves delivery, dry run, explanation and tests.
//
//   const run = runRules(scripts, facts)
//   for (let step = run.next(); ; step = run.next(answer)) {
//     if (step.done) return step.value            // RulesResult
//     answer = await world[step.value.ask](...)   // see answering.ts, which is this loop
//   }
//
// Asks come in the order of their effects: `cc` is delivered before the next statement runs, and its failure can be
// caught by `exception`. An Ask that names a path carries the trust of the script that named it: what a user's script
// names, the world must confine to the user's mailbox. Answers never throw; a failure is an Outcome.
import type { Outcome } from '../mail/outcome.js'
import type { Fault, Position } from './diagnostics.js'
import type { Program, Trust } from './program.js'

/** What a run knows from the start. */
export type Facts = {
  /**
   * The message's own header as patterns see it: one line per field, `Name: value`, unfolded (a line end becomes a
   * blank) and RFC 2047 decoded.
   */
  readonly headerLines: readonly string[]
  /** The header lines of its parts, which `h` patterns see too and `H` patterns do not. */
  readonly partHeaderLines?: readonly string[]
  /** The envelope's sender, empty for a bounce: FROM. */
  readonly sender: string
  /** SIZE. */
  readonly sizeBytes: number
  /** HOME, LOGNAME, DEFAULT, HOSTNAME and so on, over variables.ts's defaults; `1`, `2` … for the command's arguments. */
  readonly variables: ReadonlyMap<string, string>
  /** What `import` sees. Empty by default: the service's own environment is nobody's business. */
  readonly environment?: ReadonlyMap<string, string>
  /** Seconds since 1970: the function `time`. */
  readonly timeSeconds: number
  /** Milliseconds on a clock that only goes forward: bounds the time a run works, waiting apart. */
  readonly clock?: () => number
}

export type Ask =
  /** Deliver there; `to` as it was written: mailbox, `!address …` or `|command`. `at` is null for `default`. */
  | {
      readonly ask: 'deliver'
      readonly to: string
      readonly statement: 'to' | 'cc' | 'default'
      readonly trust: Trust
      readonly at: Position | null
      /** FLAGS, UMASK, MAILDIRQUOTA, SENDMAIL and the rest, as they stand now. */
      readonly variables: ReadonlyMap<string, string>
    }
  /**
   * The body as patterns see it, from that byte on: the decoded text parts, UTF-8, lines ending in LF (a world that
   * decodes nothing gives the raw body). At most 1 MiB, cut at a line end; a small body comes in one piece, not copied.
   */
  | { readonly ask: 'body'; readonly fromByte: number }
  /** The number of the message's lines: only asked for when a script reads LINES. */
  | { readonly ask: 'lines' }
  /** `log`: the text as it goes into the logfile, its line end included. */
  | { readonly ask: 'log'; readonly text: string; readonly trust: Trust; readonly at: Position }
  /** `logfile`: deliveries and `log` are written there from now on. */
  | { readonly ask: 'logfile'; readonly path: string; readonly trust: Trust; readonly at: Position }
  /** `include`: read and parse that file. */
  | { readonly ask: 'include'; readonly fileName: string; readonly trust: Trust; readonly at: Position }
  /** Something that maildrop would write to standard error and go on. */
  | { readonly ask: 'warn'; readonly fault: Fault }
  /** The run has worked for a while: let others have the thread. */
  | { readonly ask: 'pause' }

export type Answers = {
  /** `exitCode`: what a delivering program ended with; it becomes EXITCODE. */
  deliver:
    { readonly delivered: true; readonly exitCode?: number } | { readonly delivered: false; readonly outcome: Outcome }
  body: { readonly bytes: Buffer; /** null after the last piece. */ readonly nextByte: number | null }
  lines: number
  log: undefined
  logfile: { readonly opened: true } | { readonly opened: false; readonly outcome: Outcome }
  /** `trust` is that of the included file's owner; what a user's script includes is the user's in any case. */
  include:
    { readonly program: Program; readonly trust: Trust } | { readonly fault: Fault } | { readonly outcome: Outcome }
  warn: undefined
  pause: undefined
}

export type Answer = Answers[Ask['ask']]

/** How a run ended. `output` is what `echo` wrote, up to its bound: the text of a reply. `exitCode` is EXITCODE, 0 to 255. */
export type RulesResult =
  /** By `to`, or into $DEFAULT after the last script. */
  | { readonly kind: 'delivered'; readonly exitCode: number; readonly output: string }
  /** By `exit`: nothing more is delivered. */
  | { readonly kind: 'exited'; readonly exitCode: number; readonly output: string }
  /** The world could not do what was asked, and no `exception` caught it. */
  | { readonly kind: 'failed'; readonly outcome: Outcome; readonly at: Position | null; readonly output: string }
  /** The script is at fault: a budget overrun, an include that does not parse. */
  | { readonly kind: 'faulted'; readonly fault: Fault; readonly output: string }

export type Run<T> = Generator<Ask, T, Answer>

/** Asks, and gives the answer the type that belongs to the ask. */
export function* asking<A extends Ask>(ask: A): Run<Answers[A['ask']]> {
  return (yield ask) as Answers[A['ask']]
}
