// The memory of the whole service while 100 clients hand it 20 MB messages at the same time.
import { readFileSync, readdirSync } from 'node:fs'
import { createConnection } from 'node:net'
import process from 'node:process'
import { trivialRules } from './rules.js'
import type { Bench } from './scratch.js'
import { startOurs } from './ours.js'

const CLIENTS = 100
const MESSAGE_BYTES = 20 * 1024 * 1024

export async function measureMemory(bench: Bench): Promise<void> {
  const ours = await startOurs(bench, trivialRules('Maildir'))
  const idleMb = memoryOf(ours.pid)
  let peakMb = idleMb
  const timer = setInterval(() => (peakMb = Math.max(peakMb, memoryOf(ours.pid))), 100)
  const replies = await Promise.all(
    Array.from({ length: CLIENTS }, (_, n) => sendLarge(ours.socketPath, ours.address(n % 10))),
  )
  clearInterval(timer)
  const delivered = replies.filter(reply => reply.startsWith('250')).length
  process.stdout.write(
    `\n${CLIENTS} messages of 20 MB at once over LMTP\n  ${delivered} delivered; memory of all processes (PSS) ${idleMb.toFixed(0)} MB idle, ${peakMb.toFixed(0)} MB at most\n`,
  )
  await ours.stop()
}

/** Sends one message as fast as it is taken and returns the last reply. */
function sendLarge(socketPath: string, recipient: string): Promise<string> {
  const line = Buffer.from(`${'0123456789abcdef'.repeat(4)}\r\n`.repeat(1000))
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketPath)
    let received = ''
    let left = MESSAGE_BYTES
    const pump = (): void => {
      while (left > 0) {
        left -= line.length
        if (!socket.write(line)) return void socket.once('drain', pump)
      }
      socket.write('.\r\n')
    }
    socket.on('error', reject)
    socket.on('data', data => {
      received += data.toString('latin1')
      if (left === MESSAGE_BYTES && /^354/m.test(received)) {
        received = ''
        socket.write('Subject: large\r\n\r\n')
        pump()
      } else if (left <= 0 && /^[245]\d\d .*\r\n/m.test(received)) {
        resolve(received)
        socket.end('QUIT\r\n')
      }
    })
    socket.write(`LHLO bench.example\r\nMAIL FROM:<bench@sender.example>\r\nRCPT TO:<${recipient}>\r\nDATA\r\n`)
  })
}

/** Proportional set size of a process and all below it, in MB. */
function memoryOf(root: number): number {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = readProc(`/proc/${name}/stat`)
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]))
  }
  const belongs = (pid: number): boolean => pid === root || (parents.has(pid) && pid > 1 && belongs(parents.get(pid)!))
  let kilobytes = 0
  for (const pid of parents.keys()) {
    if (belongs(pid)) kilobytes += Number(/^Pss:\s+(\d+)/m.exec(readProc(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0)
  }
  return kilobytes / 1024
}

/** Empty when the process has ended meanwhile. */
function readProc(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
