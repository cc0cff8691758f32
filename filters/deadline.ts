// A time by which something must be over, joined with the signal of whoever asked for it.
// Its signal fires with a sentence as the reason, so that what was cut short can say why.
import { setMaxListeners } from 'node:events'

export type Deadline = {
  readonly signal: AbortSignal
  /** Ends the work now, for a reason other than time. */
  callOff(why: string): void
  /** Must be called when the work is over, whatever came of it. */
  end(): void
}

/** Fires after `totalMs` with `expired` as the reason, or earlier when `outer` does, with its reason. */
export function startDeadline(totalMs: number, expired: string, outer: AbortSignal): Deadline {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(expired), totalMs)
  const follow = () => controller.abort(whyAborted(outer))
  if (outer.aborted) follow()
  // Whoever ends the service ends all its messages with one signal: many listeners are no leak.
  setMaxListeners(0, outer)
  outer.addEventListener('abort', follow, { once: true })
  return {
    signal: controller.signal,
    callOff: why => controller.abort(why),
    end: () => {
      clearTimeout(timer)
      outer.removeEventListener('abort', follow)
    },
  }
}

/** The sentence with which a signal fired. */
export function whyAborted(signal: AbortSignal): string {
  const reason: unknown = signal.reason
  return typeof reason === 'string' ? reason : 'called off'
}

/** The source's chunks until it ends or the signal fires, even when the source is silent just then. */
export async function* chunksUntil(signal: AbortSignal, source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const iterator = source[Symbol.asyncIterator]()
  let stop: () => void = () => undefined
  const aborted = new Promise<null>(resolve => (stop = () => resolve(null)))
  signal.addEventListener('abort', stop, { once: true })
  let exhausted = false
  try {
    while (!signal.aborted) {
      const next = await Promise.race([iterator.next(), aborted])
      if (next === null) return
      if (next.done) {
        exhausted = true
        return
      }
      yield next.value
    }
  } finally {
    signal.removeEventListener('abort', stop)
    // Not waited for: a source that is stuck would hold us here. Nobody reads it any more, so nobody misses its error.
    if (!exhausted) iterator.return?.().then(undefined, () => undefined)
  }
}
