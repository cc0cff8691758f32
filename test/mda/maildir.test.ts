// Delivery into a Maildir by the book.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { contentOf } from '../../mail/content.js'
import { syncDirectory } from '../../mda/directory-sync.js'
import { outcomeOfFault } from '../../mda/mailbox-fault.js'
import { deliverToMaildir } from '../../mda/maildir.js'
import { escapeHost, nameInNew, nameInTmp, nextName } from '../../mda/maildir-name.js'
import { resolveMailbox } from '../../mda/mailbox-path.js'
import { defaultMailbox, maildirTarget } from '../../mda/maildir-target.js'
import { cleanTmp } from '../../mda/tmp-cleaning.js'
import { isRoot, mailOf, makeHomes, namesIn, ourGid, ourUid, streamed, targetIn } from './mailboxes.js'

let homes: ReturnType<typeof makeHomes>
let home: string
beforeEach(() => {
  homes = makeHomes()
  home = homes.joe
})
afterEach(() => homes.remove())

const MODE = 0o7777

test('a message lies whole in new/, named by the book with its size', async () => {
  const content = contentOf([Buffer.from('Subject: hi\n'), Buffer.alloc(0), Buffer.from('\nbody\n')])
  const { outcome, file, remark } = await deliverToMaildir(content, targetIn(home, 'Maildir'))
  assert.deepEqual([outcome.kind, outcome.text, remark], ['delivered', 'delivered to Maildir', null])
  assert.ok(file)
  assert.equal(readFileSync(file, 'utf8'), 'Subject: hi\n\nbody\n')
  const found = statSync(file, { bigint: true })
  const where = `V${hex(found.dev)}I${hex(found.ino)}`
  const name = new RegExp(String.raw`^(\d{10})\.M\d+P${process.pid}${where}_\d+\.([^,/:]+),S=18$`).exec(basename(file))
  assert.ok(name, file)
  assert.ok(Math.abs(Number(name[1]) - Date.now() / 1000) < 10)
  assert.equal(name[2], hostname())
  assert.deepEqual(namesIn(join(home, 'Maildir/new')), [basename(file)])
  assert.deepEqual(namesIn(join(home, 'Maildir/tmp')), [])
})

function hex(number: bigint): string {
  return number.toString(16).padStart(16, '0').toUpperCase()
}

test('a host name with slash and colon is escaped in the name', () => {
  assert.equal(escapeHost('a/b:c'), 'a\\057b\\072c')
  const name = nameInNew({ ...nextName(1_700_000_000_123), host: 'h' }, { dev: 255n, ino: 2n ** 60n }, 7)
  assert.match(name, /^1700000000\.M123\d{3}P\d+V00000000000000FFI1000000000000000_\d+\.h,S=7$/)
})

test('thousands of names in one millisecond are different names', () => {
  assert.equal(new Set(Array.from({ length: 5000 }, () => nameInTmp(nextName(1_700_000_000_123)))).size, 5000)
})

test('a missing Maildir is created, private, and a folder gets its mark', async () => {
  const { outcome } = await deliverToMaildir(mailOf('x'), targetIn(home, 'Maildir/.Junk'))
  assert.equal(outcome.kind, 'delivered')
  assert.deepEqual(namesIn(join(home, 'Maildir')), ['.Junk', 'cur', 'new', 'tmp'])
  assert.deepEqual(namesIn(join(home, 'Maildir/.Junk')), ['cur', 'maildirfolder', 'new', 'tmp'])
  for (const path of ['Maildir', 'Maildir/new', 'Maildir/.Junk', 'Maildir/.Junk/tmp']) {
    assert.equal(statSync(join(home, path)).mode & MODE, 0o700, path)
  }
  const [name] = namesIn(join(home, 'Maildir/.Junk/new'))
  assert.equal(statSync(join(home, 'Maildir/.Junk/new', name ?? '')).mode & MODE, 0o600)
})

test('a home that is written carelessly is the same home', async () => {
  const user = { name: 'joe', home: `${homes.root}//./joe/`, uid: ourUid, gid: ourGid, maildir: 'Maildir', quota: null }
  const mailbox = resolveMailbox('Maildir/.Junk', user.home, 'user')
  assert.ok(mailbox.kind === 'maildir')
  const { outcome } = await deliverToMaildir(mailOf('x'), maildirTarget(user, mailbox, { trust: 'user' }))
  assert.deepEqual([outcome.kind, outcome.text], ['delivered', 'delivered to Maildir/.Junk'])
})

test('the umask of the filter gives a group its share', async () => {
  const { file } = await deliverToMaildir(mailOf('x'), targetIn(home, 'Maildir', { umask: 0o007 }))
  assert.equal(statSync(file ?? '').mode & MODE, 0o660)
  assert.equal(statSync(join(home, 'Maildir/cur')).mode & MODE, 0o770)
})

test('two hundred at once into a Maildir that is not there yet: as many files, no name twice', async () => {
  const deliveries = await Promise.all(
    Array.from({ length: 200 }, (_, index) => deliverToMaildir(mailOf(`mail ${index}\n`), targetIn(home, 'Maildir'))),
  )
  for (const { outcome } of deliveries) assert.equal(outcome.kind, 'delivered', outcome.text)
  assert.equal(new Set(deliveries.map(({ file }) => file)).size, 200)
  const texts = namesIn(join(home, 'Maildir/new')).map(name => readFileSync(join(home, 'Maildir/new', name), 'utf8'))
  assert.equal(new Set(texts).size, 200)
  assert.deepEqual(namesIn(join(home, 'Maildir/tmp')), [])
})

test('a message from a file is written whole and in order, with lines put in front of it', async () => {
  const pieces = Array.from({ length: 40 }, (_, index) => Buffer.alloc(65_536, index))
  const stored = streamed(40 * 65_536, async function* () {
    yield* pieces
  })
  const content = contentOf([Buffer.from('X: y\n'), ...stored.segments])
  const { file } = await deliverToMaildir(content, targetIn(home, 'Maildir'))
  assert.ok(file?.endsWith(`,S=${40 * 65_536 + 5}`))
  assert.deepEqual(readFileSync(file ?? ''), Buffer.concat([Buffer.from('X: y\n'), ...pieces]))
})

test('a message that breaks while it is read leaves nothing behind', async () => {
  const broken = streamed(10, async function* () {
    yield Buffer.from('half ')
    throw Object.assign(new Error('lost'), { code: 'EIO', syscall: 'read' })
  })
  const { outcome, file } = await deliverToMaildir(broken, targetIn(home, 'Maildir'))
  assert.deepEqual([outcome.kind, file], ['tryLater', null])
  assert.match(outcome.text, /^Maildir: the disk reports an error \(read EIO\)$/)
  assert.deepEqual([...namesIn(join(home, 'Maildir/tmp')), ...namesIn(join(home, 'Maildir/new'))], [])
})

test('a message shorter than it was said to be is not delivered', async () => {
  const short = streamed(10, async function* () {
    yield Buffer.from('short')
  })
  const { outcome } = await deliverToMaildir(short, targetIn(home, 'Maildir'))
  assert.equal(outcome.kind, 'tryLater')
  assert.deepEqual([...namesIn(join(home, 'Maildir/tmp')), ...namesIn(join(home, 'Maildir/new'))], [])
})

test('a full disk is a full mailbox, a fault of the system is "try later" and names its cause', () => {
  const kindOf = (code: string) => outcomeOfFault(Object.assign(new Error(code), { code, syscall: 'write' }), 'Maildir')
  for (const code of ['ENOSPC', 'EDQUOT']) assert.equal(kindOf(code).kind, 'mailboxFull')
  for (const code of ['EACCES', 'EROFS', 'EIO', 'ENOENT', 'EMFILE', 'EWHATEVER']) {
    assert.equal(kindOf(code).kind, 'tryLater')
    assert.match(kindOf(code).text, new RegExp(`^Maildir: .*write ${code}`))
  }
  assert.equal(outcomeOfFault(new TypeError('a bug'), 'Maildir').kind, 'tryLater')
})

// Making a small disk takes root; the faults themselves are the same in the test above.
if (isRoot && canMount()) {
  test('on a full disk nothing is left in tmp/ and nothing comes to new/', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=700', 'tmpfs', home])
    try {
      assert.equal((await deliverToMaildir(mailOf('small\n'), targetIn(home, 'Maildir'))).outcome.kind, 'delivered')
      const big = contentOf([Buffer.alloc(200_000, 'a'), Buffer.alloc(200_000, 'b')])
      const { outcome } = await deliverToMaildir(big, targetIn(home, 'Maildir'))
      assert.equal(outcome.kind, 'mailboxFull')
      assert.match(outcome.text, /no space left/)
      assert.deepEqual(namesIn(join(home, 'Maildir/tmp')), [])
      assert.equal(namesIn(join(home, 'Maildir/new')).length, 1)
      assert.equal((await deliverToMaildir(mailOf('small\n'), targetIn(home, 'Maildir'))).outcome.kind, 'delivered')
    } finally {
      execFileSync('umount', [home])
    }
  })
}

function canMount(): boolean {
  const probe = makeHomes()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', probe.joe], { stdio: 'ignore' })
    execFileSync('umount', [probe.joe])
    return true
  } catch {
    return false
  } finally {
    probe.remove()
  }
}

if (isRoot) {
  test('delivered by root, everything belongs to the user', async () => {
    const target = targetIn(home, 'Maildir/.Junk', { uid: 12_345, gid: 12_346 })
    const { outcome, file } = await deliverToMaildir(mailOf('x'), target)
    assert.equal(outcome.kind, 'delivered', outcome.text)
    const folder = join(home, 'Maildir/.Junk')
    for (const path of [
      join(home, 'Maildir'),
      join(home, 'Maildir/new'),
      folder,
      `${folder}/tmp`,
      `${folder}/maildirfolder`,
      file ?? '',
    ]) {
      const { uid, gid } = statSync(path)
      assert.deepEqual([uid, gid], [12_345, 12_346], path)
    }
  })
}

test('a home that is missing is "try later" and is not made', async () => {
  rmSync(home, { recursive: true })
  const { outcome } = await deliverToMaildir(mailOf('x'), targetIn(home, 'Maildir'))
  assert.deepEqual([outcome.kind, outcome.text], ['tryLater', 'the home directory is missing'])
  assert.deepEqual(namesIn(homes.root), ['eve'])
})

test('where every address is a user its home is made', async () => {
  const deep = join(homes.root, 'example.org/new')
  const { outcome } = await deliverToMaildir(mailOf('x'), targetIn(deep, 'Maildir', { createHome: true }))
  assert.equal(outcome.kind, 'delivered', outcome.text)
  assert.equal(statSync(deep).mode & MODE, 0o700)
})

test('a Maildir, or its new/ alone, that vanishes while we run is created again', async () => {
  for (const gone of ['Maildir', 'Maildir/new', 'Maildir/tmp']) {
    assert.equal((await deliverToMaildir(mailOf('x'), targetIn(home, 'Maildir'))).outcome.kind, 'delivered')
    rmSync(join(home, gone), { recursive: true })
    const { outcome } = await deliverToMaildir(mailOf('y'), targetIn(home, 'Maildir'))
    assert.equal(outcome.kind, 'delivered', `${gone}: ${outcome.text}`)
    assert.deepEqual(namesIn(join(home, 'Maildir/tmp')), [])
  }
})

test('an mbox file, a plain name and a directory of other things are not written to and said to be so', async () => {
  writeFileSync(join(home, 'mbox'), 'From x\n')
  mkdirSync(join(home, 'Documents/letters'), { recursive: true })
  const texts: Record<string, RegExp> = {
    mbox: /mbox is a file, and mbox files are not delivered to/,
    'mbox/': /mbox is a file/,
    'mbox/Maildir': /is a file/,
    'mail/old': /no mailbox mail\/old, .*write "mail\/old\/"/,
    Documents: /Documents is a directory, but no Maildir/,
    '.profile-copy': /no mailbox \.profile-copy/,
    'mail/.Junk': /no mailbox mail\/\.Junk/,
  }
  for (const [mailbox, text] of Object.entries(texts)) {
    const { outcome } = await deliverToMaildir(mailOf('x'), targetIn(home, mailbox))
    assert.equal(outcome.kind, 'misconfigured', mailbox)
    assert.match(outcome.text, text)
  }
  assert.equal(readFileSync(join(home, 'mbox'), 'utf8'), 'From x\n')
  assert.deepEqual(namesIn(home), ['Documents', 'mbox'])
  assert.deepEqual(namesIn(join(home, 'Documents')), ['letters'])
})

test('a name with a slash at the end, an empty directory and a home that is a Maildir itself are delivered to', async () => {
  mkdirSync(join(home, 'empty'))
  for (const mailbox of ['mail/old/', 'empty', './', '.Junk', join(home, 'Maildir')]) {
    const { outcome } = await deliverToMaildir(mailOf('x'), targetIn(home, mailbox))
    assert.equal(outcome.kind, 'delivered', `${mailbox}: ${outcome.text}`)
    assert.equal(namesIn(join(targetIn(home, mailbox).mailbox.path, 'new')).length, 1, mailbox)
  }
  assert.ok(namesIn(join(home, '.Junk')).includes('maildirfolder'))
})

test('the default mailbox of a user is created whatever its name', () => {
  const user = { name: 'joe', home, uid: 1, gid: 1, maildir: 'mail', quota: null }
  assert.deepEqual(defaultMailbox(user), { kind: 'maildir', path: join(home, 'mail'), named: 'asMaildir' })
  assert.deepEqual(defaultMailbox({ ...user, maildir: '.' }), { kind: 'maildir', path: home, named: 'asMaildir' })
  const elsewhere = { kind: 'maildir', path: '/srv/mail/joe', named: 'asMaildir' }
  assert.deepEqual(defaultMailbox({ ...user, maildir: '/srv/mail/joe' }), elsewhere)
})

test('outside the home the site may deliver, where the directory above is there', async () => {
  const archive = join(homes.root, 'archive/')
  assert.equal((await deliverToMaildir(mailOf('x'), targetIn(home, archive))).outcome.kind, 'delivered')
  const { outcome } = await deliverToMaildir(mailOf('x'), targetIn(home, join(homes.root, 'no/where/Maildir')))
  assert.equal(outcome.kind, 'tryLater')
})

test('what crashed deliveries left in tmp/ is removed after 36 hours, not before', async () => {
  await deliverToMaildir(mailOf('x'), targetIn(home, 'Maildir'))
  const tmp = join(home, 'Maildir/tmp')
  const ageHours = { old: 37, touched: 35 }
  for (const [name, hours] of Object.entries(ageHours)) {
    writeFileSync(join(tmp, name), 'half')
    utimesSync(join(tmp, name), Date.now() / 1000 - hours * 3600, Date.now() / 1000 - hours * 3600)
  }
  mkdirSync(join(tmp, 'directory'))
  assert.equal(await cleanTmp(tmp, Date.now()), 1)
  assert.deepEqual(namesIn(tmp), ['directory', 'touched'])
})

test('the first delivery into a Maildir cleans its tmp/ and says so', async () => {
  for (const name of ['cur', 'new', 'tmp']) mkdirSync(join(home, 'Maildir', name), { recursive: true })
  const stale = join(home, 'Maildir/tmp/stale')
  writeFileSync(stale, 'half')
  utimesSync(stale, 1, 1)
  const { outcome, remark } = await deliverToMaildir(mailOf('x'), targetIn(home, 'Maildir'))
  assert.deepEqual([outcome.kind, remark], ['delivered', '1 stale files removed from tmp'])
})

test('nobody is answered by a sync of new/ that began before the rename; those who wait share the next', async () => {
  const path = join(home, 'new')
  mkdirSync(path)
  const begun = syncDirectory(path, path)
  // The next sync opens the directory again, so it can be told from the one under way by not finding it.
  rmSync(path, { recursive: true })
  const second = syncDirectory(path, path)
  assert.equal(syncDirectory(path, path), second)
  await begun
  await assert.rejects(second, { code: 'ENOENT' })
})

test('a directory that cannot be synced fails those who wait, and not those who come after', async () => {
  const path = join(home, 'gone')
  const waiting = [syncDirectory(path, path), syncDirectory(path, path)]
  for (const wait of waiting) await assert.rejects(wait, { code: 'ENOENT' })
  mkdirSync(path)
  await syncDirectory(path, path)
})
