// Line ends of what a client sends by SMTP: a bare LF is found before any parser sees it, and CRLF becomes LF.
// Both work over pieces cut anywhere.
import type { Socket } from 'node:net'
import { Transform } from 'node:stream'
import type { Writable } from 'node:stream'

const LF = 0x0a
const CR = 0x0d

/**
 * Puts a guard between the socket and whatever it is piped into: from the first bare LF on nothing passes, and
 * `refuse` is called once. smtp-server takes a bare LF as the end of a command and lets it stand in messages, which
 * the next program may then read as a line end (message smuggling); it has no option against that, but it reads its
 * sockets by pipe() only.
 */
export function guardLineEnds(socket: Socket, refuse: () => void): void {
  const pipe = socket.pipe.bind(socket)
  const unpipe = socket.unpipe.bind(socket)
  const guards = new Map<NodeJS.WritableStream, Transform>()
  socket.pipe = <T extends NodeJS.WritableStream>(target: T, options?: { end?: boolean }): T => {
    const guard = lineEndGuard(refuse)
    guards.set(target, guard)
    pipe(guard, options).pipe(target as unknown as Writable, options)
    return target
  }
  socket.unpipe = (target?: NodeJS.WritableStream) => {
    const guard = target && guards.get(target)
    return guard ? unpipe(guard) : unpipe(target)
  }
}

function lineEndGuard(refuse: () => void): Transform {
  let lastByte = 0
  let isRefused = false
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (!isRefused && hasBareLf(chunk, lastByte)) {
        isRefused = true
        refuse()
      }
      lastByte = chunk[chunk.length - 1] ?? lastByte
      if (isRefused) done()
      else done(null, chunk)
    },
  })
}

function hasBareLf(chunk: Buffer, byteBefore: number): boolean {
  for (let lf = chunk.indexOf(LF); lf >= 0; lf = chunk.indexOf(LF, lf + 1)) {
    if ((lf === 0 ? byteBefore : chunk[lf - 1]) !== CR) return true
  }
  return false
}

/** Turns CRLF into LF; exactly one CR goes with each LF, every other CR is data. */
export class LineEnds {
  private crHeld = false

  /** The piece itself stays as it is. */
  read(piece: Buffer): Buffer {
    const result = Buffer.allocUnsafe(piece.length + 1)
    let to = 0
    if (this.crHeld && piece.length > 0 && piece[0] !== LF) result[to++] = CR
    if (piece.length > 0) this.crHeld = piece[piece.length - 1] === CR
    const end = this.crHeld ? piece.length - 1 : piece.length
    let from = 0
    for (let lf = piece.indexOf(LF); lf >= 0; lf = piece.indexOf(LF, from)) {
      const lineEnd = lf > from && piece[lf - 1] === CR ? lf - 1 : lf
      to += piece.copy(result, to, from, lineEnd)
      result[to++] = LF
      from = lf + 1
    }
    if (from < end) to += piece.copy(result, to, from, end)
    return result.subarray(0, to)
  }

  /** What is left when no more comes: a CR that was waiting for its LF. */
  rest(): Buffer {
    const rest = this.crHeld ? Buffer.from('\r') : Buffer.alloc(0)
    this.crHeld = false
    return rest
  }
}
