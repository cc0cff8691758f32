// Names for arrivals: unique over restarts, workers and machines that share a log, letters and digits only.
import { randomInt } from 'node:crypto'

const PROCESS_TAG = randomInt(36 ** 6)
  .toString(36)
  .padStart(6, '0')
const COUNTER_END = 36 ** 4

let counter = 0

/** When (in milliseconds, sorts by time), which process, and which of its messages. */
export function nextMessageId(now: Date): string {
  counter = (counter + 1) % COUNTER_END
  return now.getTime().toString(36).padStart(9, '0') + PROCESS_TAG + counter.toString(36).padStart(4, '0')
}
