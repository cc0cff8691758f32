// The service's log: pino, one JSON object (or one line of text) per event, to a file or standard output. When the disk
// or the reader cannot follow, lines beyond a bound are dropped and their number is said as soon as there is room again.
// Logging never throws into the path of a message.
import process from 'node:process'
import { pino } from 'pino'
import type { Logger } from 'pino'
import type { LogSettings } from './log-settings.js'
import { terminalSafe, textLine } from './log-line.js'

/** `info(fields, text)` or `info(text)`, as pino has them. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'> & {
  /** Opens the file of that name anew, after a rotation. */
  reopen(): void
  /** Settles when everything said so far is with the system; the log may be used on. */
  flush(): Promise<void>
}

/** About 20,000 lines that wait for a disk. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024
const FLUSH_TIMEOUT_MS = 2_000

/** Throws when the file cannot be opened: a service that cannot say what it does should not start. */
export function createLog(settings: LogSettings): Log {
  const destination = pino.destination({
    dest: settings.file ?? process.stdout.fd,
    // To a file a line is there before the next step, so that a crash loses none; who reads our output may be slow.
    sync: settings.file !== null,
    maxLength: MAX_WAITING_BYTES,
    mode: 0o640,
  })
  const logger = pino(
    {
      level: settings.level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      hooks: { streamWrite: settings.format === 'text' ? textLine : terminalSafe },
    },
    destination,
  )
  reportLoss(destination, logger)
  return {
    debug: logger.debug.bind(logger),
    info: logger.info.bind(logger),
    warn: logger.warn.bind(logger),
    error: logger.error.bind(logger),
    fatal: logger.fatal.bind(logger),
    reopen: () => {
      if (settings.file !== null) destination.reopen(settings.file)
    },
    flush: () => flushed(destination),
  }
}

type Destination = ReturnType<typeof pino.destination>

/** A full disk must not stop the mail: the loss is counted, and said on standard error once. */
function reportLoss(destination: Destination, logger: Logger): void {
  let dropped = 0
  let complained = false
  destination.on('drop', () => dropped++)
  destination.on('drain', () => {
    complained = false
    if (dropped === 0) return
    logger.warn({ dropped }, 'log lines were lost: the log could not be written fast enough')
    dropped = 0
  })
  destination.on('error', (error: Error) => {
    if (complained) return
    complained = true
    process.stderr.write(`mailweir: the log cannot be written: ${error.message}\n`)
  })
}

function flushed(destination: Destination): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, FLUSH_TIMEOUT_MS)
    destination.flush(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
