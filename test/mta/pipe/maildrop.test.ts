// Both forms of the `maildrop` command pass the same suite, and say the same on the same command line.
import assert from 'node:assert/strict'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { startFakeService, TO_MESSAGE } from './fake-service.js'
import { compileInto, nodeCommand, run, temporaryFolder } from './maildrop-commands.js'
import { maildropSuite } from './maildrop-suite.js'

const folder = temporaryFolder()
after(() => folder.remove())
const cClient = compileInto(folder.path)

maildropSuite(cClient)
maildropSuite(nodeCommand)

describe('the command line', () => {
  const lines: [args: readonly string[], exitCode: number, output: RegExp][] = [
    [['--version'], 0, /^maildrop command of Mailweir \d+\.\d+\.\d+\n$/],
    [['-v'], 0, /^maildrop command of Mailweir /],
    [['--help'], 0, /^Usage: maildrop -d RECIPIENT/],
    [['-d', 'joe', '-h'], 0, /^Usage: maildrop -d RECIPIENT/],
    [[], 75, /^4\.3\.5 .*no recipient/],
    [['-f', 'ann@example.net'], 75, /^4\.3\.5 .*no recipient/],
    [['-d'], 75, /^4\.3\.5 .*value is missing after: -d\n$/],
    [['-d', 'joe', '--socket'], 75, /^4\.3\.5 .*value is missing after: --socket\n$/],
    [['-d', 'joe', '-d', 'ann'], 75, /^4\.3\.5 .*twice/],
    [['-d', 'joe', 'ann'], 75, /^4\.3\.5 .*not supported: ann\n$/],
    [['-d', 'joe', '--', '-f'], 75, /^4\.3\.5 .*not supported: -f\n$/],
    [['-d', 'joe', '-'], 75, /^4\.3\.5 .*not supported: -\n$/],
    [['filter'], 75, /^4\.3\.5 .*not supported: filter\n$/],
    [['-w', '90', '-d', 'joe'], 75, /^4\.3\.5 .*option of maildrop is not supported: -w\n$/],
    [['-A', 'X: y'], 75, /^4\.3\.5 .*option of maildrop is not supported: -A\n$/],
    [['-W/etc/quotawarnmsg'], 75, /^4\.3\.5 .*option of maildrop is not supported: -W\/etc\/quotawarnmsg\n$/],
    [['-a'], 75, /^4\.3\.5 .*option of maildrop is not supported: -a\n$/],
    [['-vd', 'joe'], 75, /^4\.3\.5 .*unknown option: -vd\n$/],
    [['-Z'], 75, /^4\.3\.5 .*unknown option: -Z\n$/],
    [['--sockets', 'x'], 75, /^4\.3\.5 .*unknown option: --sockets\n$/],
    [['-d', 'joe', '-f', 'a\nb'], 75, /^4\.3\.5 .*-f: not an address/],
    [['-d', 'joe', '--timeout-seconds', '0'], 75, /^4\.3\.5 .*from 1 to 900: 0\n$/],
    [['-d', 'joe', '--timeout-seconds=901'], 75, /^4\.3\.5 .*from 1 to 900: 901\n$/],
    [['-d', 'joe', '--timeout-seconds', '1e2'], 75, /^4\.3\.5 .*from 1 to 900: 1e2\n$/],
  ]
  for (const [args, exitCode, output] of lines)
    it(`says the same in C and in Node: maildrop ${args.join(' ')}`, async () => {
      const [inC, inNode] = [await run(cClient, { args }), await run(nodeCommand, { args })]
      assert.deepEqual(inC, inNode)
      assert.equal(inC.exitCode, exitCode)
      assert.match(inC.output, output)
    })
})

describe('the C client', () => {
  /** A folder with the client, and a command in Node that says what it was given. */
  const installed = (): { argv: string[]; name: string; path: string } => {
    const path = join(folder.path, 'installed')
    const client = compileInto(path)
    mkdirSync(join(path, 'dist', 'bin'), { recursive: true })
    const script = `import { readFileSync } from 'node:fs'
      console.log(JSON.stringify([process.argv.slice(2), readFileSync(0, 'utf8')])); process.exitCode = 69`
    writeFileSync(join(path, 'dist', 'bin', 'maildrop.js'), script)
    writeFileSync(join(path, 'package.json'), '{"type":"module"}')
    return { argv: [...client.argv], name: client.name, path }
  }

  it('without a service runs the command in Node with the same arguments and the whole message', async () => {
    const client = installed()
    const args = ['-djoe', '-V', '9', '--config', '/x', '--socket', join(client.path, 'nobody.sock')]
    const ran = await run(client, { args, stdin: 'Return-Path: <a@b>\n\nhello\n' })
    assert.equal(ran.exitCode, 69)
    assert.deepEqual(JSON.parse(ran.output), [args, 'Return-Path: <a@b>\n\nhello\n'])
  })

  it('takes a socket that nobody listens on any more for no service', async () => {
    const client = installed()
    const socketPath = join(client.path, 'stale.sock')
    const server = createServer()
    await new Promise<void>(resolve => server.listen(socketPath, resolve))
    const stale = join(client.path, 'left-over.sock')
    renameSync(socketPath, stale)
    await new Promise(resolve => server.close(resolve))
    const ran = await run(client, { args: ['-d', 'joe', '--socket', stale] })
    assert.equal(ran.exitCode, 69)
  })

  it('means later when the command in Node is not there', async () => {
    const lonely = compileInto(join(folder.path, 'lonely'))
    const ran = await run(lonely, { args: ['-d', 'joe', '--socket', join(folder.path, 'nobody.sock')] })
    assert.equal(ran.exitCode, 75)
    assert.match(ran.output, /^4\.3\.5 .*needs the file: .*lonely\/bin\/\.\.\/dist\/bin\/maildrop\.js\n$/)
  })

  it('means later when Node is not there', async () => {
    const { path } = installed()
    const client = compileInto(path, '-UNODE', '-DNODE="/nowhere/node"')
    const args = ['-d', 'joe', '--socket', join(path, 'nobody.sock')]
    const ran = await run(client, { args, environment: { PATH: '/nowhere' } })
    assert.equal(ran.exitCode, 75)
    assert.match(ran.output, /^4\.3\.5 .*Node cannot be started/)
  })

  it('reads the refusal of a service that has closed already', async () => {
    const service = await startFakeService(join(folder.path, 'closes.sock'), [
      ...TO_MESSAGE,
      'bytes 100000',
      'S: 552 5.3.4 too large (exit 69)',
      'close',
    ])
    const stdin = Buffer.alloc(8_000_000, 'x\n')
    const ran = await run(cClient, { args: ['-d', 'joe', '--socket', service.socketPath], stdin })
    await service.close()
    assert.deepEqual([ran.exitCode, ran.output], [69, '5.3.4 too large\n'])
  })
})
