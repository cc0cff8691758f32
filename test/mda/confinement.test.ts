// A user's filter delivers inside its home and nowhere else: by name, by link, and against a race.
import assert from 'node:assert/strict'
import { mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { resolveMailbox } from '../../mda/mailbox-path.js'
import { deliverToMaildir } from '../../mda/maildir.js'
import { isRoot, mailOf, makeHomes, namesIn, targetIn } from './mailboxes.js'

let homes: ReturnType<typeof makeHomes>
beforeEach(() => {
  homes = makeHomes()
  makeMaildir(join(homes.eve, 'Maildir'))
})
afterEach(() => homes.remove())

function makeMaildir(path: string): void {
  for (const name of ['cur', 'new', 'tmp']) mkdirSync(join(path, name), { recursive: true })
}

async function outcomeFor(
  mailbox: string,
  trust: 'site' | 'user' = 'user',
  over: { uid?: number } = {},
): Promise<string> {
  const { outcome } = await deliverToMaildir(mailOf('x'), targetIn(homes.joe, mailbox, { trust, ...over }))
  return `${outcome.kind}: ${outcome.text}`
}

function assertEveGotNothing(): void {
  assert.deepEqual(namesIn(homes.eve), ['Maildir'])
  assert.deepEqual(namesIn(join(homes.eve, 'Maildir')), ['cur', 'new', 'tmp'])
  for (const name of ['cur', 'new', 'tmp']) assert.deepEqual(namesIn(join(homes.eve, 'Maildir', name)), [])
}

test('the names a filter may write, and what they mean', () => {
  const meanings: [string, string, string][] = [
    ['Maildir', '/home/joe/Maildir', 'asMaildir'],
    ['./Maildir', '/home/joe/Maildir', 'asMaildir'],
    ['Maildir/.Junk', '/home/joe/Maildir/.Junk', 'asFolder'],
    ['Maildir/.Junk/', '/home/joe/Maildir/.Junk', 'asMaildir'],
    ['Maildir//.Junk/.', '/home/joe/Maildir/.Junk', 'asMaildir'],
    ['/home/joe/Maildir/.Lists.sub', '/home/joe/Maildir/.Lists.sub', 'asFolder'],
    ['mbox', '/home/joe/mbox', 'plainly'],
    ['...', '/home/joe/...', 'plainly'],
    ['Maildir/.Gelöscht', '/home/joe/Maildir/.Gelöscht', 'asFolder'],
  ]
  for (const [name, path, named] of meanings) {
    assert.deepEqual(resolveMailbox(name, '/home/joe', 'user'), { kind: 'maildir', path, named }, name)
  }
})

test('a user may not climb, leave the home by an absolute name, or write names that break lines', () => {
  const refused = [
    '../eve/Maildir',
    'Maildir/../../eve',
    'Maildir/..',
    '/home/eve/Maildir',
    '/home/joey',
    '/',
    '',
    'a\nb',
    'a\0b',
    '\x7f',
    'x'.repeat(256),
    'x/'.repeat(3000),
  ]
  for (const name of refused)
    assert.equal(resolveMailbox(name, '/home/joe', 'user').kind, 'refused', JSON.stringify(name))
  assert.equal(resolveMailbox('/home/eve/Maildir', '/home/joe', 'site').kind, 'maildir')
  assert.deepEqual(resolveMailbox('../eve/Maildir', '/home/joe', 'site'), {
    kind: 'maildir',
    path: '/home/eve/Maildir',
    named: 'asMaildir',
  })
  assert.equal(resolveMailbox('a\nb', '/home/joe', 'site').kind, 'refused')
  assert.equal(resolveMailbox('Maildir', '/home/joe/', 'user').kind, 'maildir')
})

test('a Maildir, a folder, or a directory on the way that is a link to another home is not delivered through', async () => {
  const eveMaildir = join(homes.eve, 'Maildir')
  symlinkSync(eveMaildir, join(homes.joe, 'Maildir'))
  symlinkSync(homes.eve, join(homes.joe, 'other'))
  makeMaildir(join(homes.joe, 'mine'))
  symlinkSync(eveMaildir, join(homes.joe, 'mine/.Junk'))
  symlinkSync('../../eve/Maildir', join(homes.joe, 'mine/.Relative'))
  for (const mailbox of ['Maildir', 'Maildir/', 'other/Maildir', 'mine/.Junk', 'mine/.Relative/']) {
    assert.match(await outcomeFor(mailbox), /^misconfigured: the mailbox leads out of the home/, mailbox)
  }
  assertEveGotNothing()
})

test('nothing is created through a link to another home', async () => {
  symlinkSync(homes.eve, join(homes.joe, 'other'))
  symlinkSync(join(homes.eve, 'planted'), join(homes.joe, 'dangling'))
  for (const mailbox of ['other/new/', 'other/Maildir/.Junk/', 'dangling/', 'dangling/Maildir']) {
    assert.match(await outcomeFor(mailbox), /^misconfigured: /, mailbox)
  }
  assertEveGotNothing()
})

test('tmp/ and new/ that are links are not used', async () => {
  for (const name of ['new', 'tmp', 'cur']) {
    const maildir = join(homes.joe, `with-${name}`)
    mkdirSync(maildir)
    for (const part of ['cur', 'new', 'tmp']) {
      if (part === name) symlinkSync(join(homes.eve, 'Maildir', part), join(maildir, part))
      else if (part !== 'cur' || name !== 'tmp') mkdirSync(join(maildir, part))
    }
    if (name === 'cur') continue
    assert.match(await outcomeFor(`with-${name}/`), /^misconfigured: .* is no directory of its own/, name)
  }
  assertEveGotNothing()
})

test('a link that stays in the home is the user’s own affair', async () => {
  makeMaildir(join(homes.joe, 'Maildir/.Spam'))
  symlinkSync('.Spam', join(homes.joe, 'Maildir/.Junk'))
  assert.equal(await outcomeFor('Maildir/.Junk'), 'delivered: delivered to Maildir/.Junk')
  assert.equal(namesIn(join(homes.joe, 'Maildir/.Spam/new')).length, 1)
})

test('a home that the site reaches through a link still holds its user', async () => {
  const linked = join(homes.root, 'linked')
  symlinkSync(homes.joe, linked)
  const { outcome } = await deliverToMaildir(mailOf('x'), targetIn(linked, 'Maildir/.Junk', { trust: 'user' }))
  assert.equal(outcome.kind, 'delivered', outcome.text)
})

test('what the site names may lie behind a link', async () => {
  makeMaildir(join(homes.root, 'big-disk'))
  symlinkSync(join(homes.root, 'big-disk'), join(homes.joe, 'Maildir'))
  assert.match(await outcomeFor('Maildir', 'site'), /^delivered/)
  assert.equal(namesIn(join(homes.root, 'big-disk/new')).length, 1)
})

if (isRoot) {
  test('root delivering for a user follows no link out of the home, whoever named the mailbox', async () => {
    symlinkSync(join(homes.eve, 'Maildir'), join(homes.joe, 'Maildir'))
    assert.match(await outcomeFor('Maildir', 'site', { uid: 12_345 }), /^misconfigured/)
    assertEveGotNothing()
  })
}

test('a folder that is swapped for a link again and again never leads into another home', async () => {
  const folder = join(homes.joe, 'Maildir/.Junk')
  const aside = join(homes.joe, 'aside')
  const link = join(homes.joe, 'link')
  makeMaildir(folder)
  let isOver = false
  let swaps = 0
  const swapping = (async () => {
    while (!isOver) {
      symlinkSync(join(homes.eve, 'Maildir'), link)
      renameSync(folder, aside)
      renameSync(link, folder)
      await new Promise(resolve => setImmediate(resolve))
      unlinkSync(folder)
      renameSync(aside, folder)
      swaps += 1
      await new Promise(resolve => setImmediate(resolve))
    }
  })()
  const kinds = new Set<string>()
  for (let round = 0; round < 40; round++) {
    // In tens, so that the calls go through the pool and the swaps fall between them.
    const deliveries = Array.from({ length: 10 }, () => outcomeFor('Maildir/.Junk'))
    for (const text of await Promise.all(deliveries)) kinds.add(text.split(':')[0] ?? '')
  }
  isOver = true
  await swapping
  assert.ok(swaps > 10)
  assert.ok(kinds.has('delivered') && kinds.has('misconfigured'), [...kinds].join())
  assertEveGotNothing()
})

test('a regular file in the place of the Maildir is left as it is', async () => {
  writeFileSync(join(homes.joe, 'Maildir'), 'mine')
  assert.match(await outcomeFor('Maildir'), /^misconfigured: Maildir is a file/)
})
