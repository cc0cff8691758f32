// A real clamd on a folder of its own, with signatures that know the test virus and a harmless marker, and nothing else.
// Listens on a unix socket and on 127.0.0.1. Runs as whoever runs the test.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './free-port.js'
import { askOnce, ServerProcess } from './server-process.js'
import { eicar, marker } from './test-virus.js'

export type ClamdServer = {
  /** As the settings name them. */
  readonly unixSocket: string
  readonly tcpSocket: string
  readonly logFile: string
  /** Ends it; the sockets are gone then. */
  stop(): Promise<void>
  /** Ends it in the middle of whatever it does. */
  kill(): Promise<void>
  /** It goes on accepting connections and does nothing more. */
  freeze(): void
  thaw(): void
}

export type ClamdOptions = {
  /** Exists, and is removed by the test. */
  readonly directory: string
  readonly port?: number
  readonly streamMaxLengthBytes?: number
}

const READY_WITHIN_MS = 30_000

export async function startClamd(options: ClamdOptions): Promise<ClamdServer> {
  const { directory, streamMaxLengthBytes = 25 * 1024 * 1024 } = options
  const port = options.port ?? (await freePort())
  const path = join(directory, 'clamd.sock')
  const logFile = join(directory, 'clamd.log')
  writeSignatures(join(directory, 'clamd-signatures'))
  mkdirSync(join(directory, 'clamd-tmp'), { recursive: true })
  rmSync(path, { force: true })
  const configFile = join(directory, 'clamd.conf')
  writeFileSync(configFile, configuration(directory, path, port, streamMaxLengthBytes))
  const server = new ServerProcess({ name: 'clamd', argv: ['/usr/sbin/clamd', '-c', configFile], logFile })
  const ping = 'zPING\0'
  await server.untilReady(async () => {
    const answers = await Promise.all([askOnce({ path }, ping), askOnce({ port, host: '127.0.0.1' }, ping)])
    return answers.every(answer => answer === 'PONG\0')
  }, READY_WITHIN_MS)
  return {
    unixSocket: `unix:${path}`,
    tcpSocket: `127.0.0.1:${port}`,
    logFile,
    stop: () => server.stop(),
    kill: () => server.kill(),
    freeze: () => server.signal('SIGSTOP'),
    thaw: () => server.signal('SIGCONT'),
  }
}

function writeSignatures(directory: string): void {
  mkdirSync(directory, { recursive: true })
  // name:target type (0: any file):offset (*: anywhere):hex
  const lines = [
    `Eicar-Test-Signature:0:*:${eicar().toString('hex')}`,
    `Mailweir.Test.Marker:0:*:${marker().toString('hex')}`,
  ]
  writeFileSync(join(directory, 'test.ndb'), lines.join('\n') + '\n')
}

function configuration(directory: string, socketPath: string, port: number, streamMaxLengthBytes: number): string {
  return `DatabaseDirectory ${join(directory, 'clamd-signatures')}
TemporaryDirectory ${join(directory, 'clamd-tmp')}
LocalSocket ${socketPath}
LocalSocketMode 600
TCPSocket ${port}
TCPAddr 127.0.0.1
Foreground yes
LogTime yes
MaxThreads 4
StreamMaxLength ${streamMaxLengthBytes}
`
}
