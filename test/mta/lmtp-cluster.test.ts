import assert from 'node:assert/strict'
import cluster from 'node:cluster'
import type { Worker } from 'node:cluster'
import { once } from 'node:events'
import { mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { removeStaleSocket } from '../../mta/listen-address.js'
import { Wire } from './wire.js'

test('workers share one socket, over what a killed service left, and one that ends leaves it to the other', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mailweir-cluster-'))
  const path = join(directory, 'lmtp.sock')
  const address = { kind: 'unix', path } as const
  const dead = createServer().listen(`${path}.dead`)
  await once(dead, 'listening')
  await rename(`${path}.dead`, path)
  dead.close()
  await removeStaleSocket(path)

  cluster.schedulingPolicy = cluster.SCHED_NONE
  cluster.setupPrimary({ exec: join(import.meta.dirname, 'cluster-worker.js'), args: [path] })
  const workers = [cluster.fork(), cluster.fork()]
  await Promise.all(workers.map(worker => once(worker, 'message')))
  assert.equal((await stat(path)).mode & 0o777, 0o600)

  const answers = await Promise.all(Array.from({ length: 20 }, () => sendOne(address)))
  assert.ok(
    answers.every(answer => /^250 2\.0\.0 worker [12]$/.test(answer)),
    answers.join('\n'),
  )
  await end(workers[0]!)
  assert.equal(await sendOne(address), '250 2.0.0 worker 2')
  await end(workers[1]!)
  await rm(directory, { recursive: true })
})

async function sendOne(address: Parameters<typeof Wire.open>[0]): Promise<string> {
  const wire = await Wire.open(address)
  await wire.reply()
  for (const command of ['LHLO a', 'MAIL FROM:<a@b>', 'RCPT TO:<c@d>', 'DATA']) await wire.ask(command)
  const answer = await wire.ask('hello\r\n.')
  wire.close()
  return answer
}

async function end(worker: Worker): Promise<void> {
  const exited = once(worker, 'exit')
  worker.send('end')
  await exited
}
