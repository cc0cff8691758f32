// Who an address belongs to: the template, the passwd file, extensions, and what no lookup may answer.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { parseAddress, type Address } from '../../mail/address.js'
import { findUser, userSources } from '../../mda/users/find-user.js'
import { PasswdFileUsers } from '../../mda/users/passwd-file.js'
import { usersSettings } from '../../mda/users/settings.js'
import { homeFor, TemplateUsers, templateFault } from '../../mda/users/template.js'
import { TemporaryFault, type UserSource } from '../../mda/users/user.js'

let root: string
beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'users-'))))
afterEach(() => rmSync(root, { recursive: true, force: true }))

function address(text: string): Address {
  const parsed = parseAddress(text)
  assert.ok(parsed, text)
  return parsed
}

function template(over: Partial<ConstructorParameters<typeof TemplateUsers>[0]> = {}): TemplateUsers {
  const templateHome = join(root, '%d/%n')
  return new TemplateUsers({ templateHome, mustExist: true, uid: 5000, gid: 5001, defaultMaildir: 'Maildir', ...over })
}

test('an address whose home exists is a user, in lower case', async () => {
  mkdirSync(join(root, 'example.org/joe'), { recursive: true })
  assert.deepEqual(await template().find(address('Joe@Example.ORG')), {
    name: 'joe@example.org',
    home: join(root, 'example.org/joe'),
    uid: 5000,
    gid: 5001,
    maildir: 'Maildir',
    quota: null,
  })
  assert.equal(await template().find(address('jane@example.org')), 'unknown')
})

test('no address climbs out of the template or hides in it', async () => {
  mkdirSync(join(root, 'example.org/joe'), { recursive: true })
  mkdirSync(join(root, 'example.org/.hidden'))
  const attempts: Address[] = [
    { localPart: '..', domain: 'example.org' },
    { localPart: '../example.org/joe', domain: 'example.org' },
    { localPart: 'joe/../joe', domain: 'example.org' },
    { localPart: 'joe/', domain: 'example.org' },
    { localPart: '.hidden', domain: 'example.org' },
    { localPart: '.', domain: 'example.org' },
    { localPart: '', domain: 'example.org' },
    { localPart: 'joe\0', domain: 'example.org' },
    { localPart: 'joe\n', domain: 'example.org' },
    { localPart: 'joe', domain: '..' },
    { localPart: 'joe', domain: 'x/../example.org' },
    { localPart: 'joe', domain: '.example.org' },
    { localPart: 'joe', domain: '' },
    { localPart: 'a'.repeat(300), domain: 'example.org' },
  ]
  for (const attempt of attempts) assert.equal(await template().find(attempt), 'unknown', JSON.stringify(attempt))
  for (const attempt of attempts.slice(0, 13)) {
    assert.equal(await template({ mustExist: false }).find(attempt), 'unknown', JSON.stringify(attempt))
  }
})

test('a local part with a percent sign is not expanded a second time', () => {
  assert.equal(homeFor({ localPart: '%d%n', domain: 'x.org' }, '/m/%d/%n/%%/%u'), '/m/x.org/%d%n/%/%d%n@x.org')
})

test('a template with unknown letters, one home for all, or a relative path is a fault of the settings', () => {
  for (const bad of ['/m/%x', '/m/100%', '/m/%d', '/m/%%n', 'm/%n', '/m/../%n', '/m/%N'])
    assert.ok(templateFault(bad), bad)
  for (const good of ['/m/%n', '/m/%u', '/m/%%/%d/%n/Mail']) assert.equal(templateFault(good), null)
  assert.equal(usersSettings.safeParse({ templateHome: '/m/%x' }).success, false)
  assert.equal(usersSettings.safeParse({ recipientDelimiter: '@' }).success, false)
  assert.equal(usersSettings.parse(undefined).templateHome, '/var/mailbox/%d/%n')
})

test('a home that is a symbolic link is neither followed nor unknown, a file is no home', async () => {
  mkdirSync(join(root, 'example.org/real'), { recursive: true })
  symlinkSync(join(root, 'example.org/real'), join(root, 'example.org/joe'))
  writeFileSync(join(root, 'example.org/readme'), '')
  await assert.rejects(template().find(address('joe@example.org')), TemporaryFault)
  assert.equal(await template().find(address('readme@example.org')), 'unknown')
})

test('while the place of all homes is missing or empty nobody is unknown', async () => {
  await assert.rejects(
    template({ templateHome: join(root, 'not-mounted/%d/%n') }).find(address('joe@example.org')),
    TemporaryFault,
  )
  await assert.rejects(template().find(address('joe@example.org')), TemporaryFault)
})

test('without mustExist every safe address is a user', async () => {
  assert.notEqual(await template({ mustExist: false }).find(address('any@example.org')), 'unknown')
})

const PASSWD = `# comment
joe@Example.org:x:1001:1002:Joe:/home/joe:/bin/sh

Jane:*:1003:1004::/home/jane:
jane@example.net:x:1005:1006:Other:/home/net:/bin/sh
`

function passwd(text: string | null = PASSWD): PasswdFileUsers {
  const passwdFile = join(root, 'passwd')
  if (text !== null) writeFileSync(passwdFile, text)
  return new PasswdFileUsers({ passwdFile, defaultMaildir: 'Maildir' })
}

async function homeIn(source: UserSource, text: string): Promise<string> {
  const user = await source.find(address(text))
  return user === 'unknown' ? 'unknown' : `${user.home} ${user.uid} ${user.gid} ${user.name}`
}

test('a passwd file knows full addresses first, then bare local parts', async () => {
  const users = passwd()
  assert.equal(await homeIn(users, 'JOE@example.org'), '/home/joe 1001 1002 joe@Example.org')
  assert.equal(await homeIn(users, 'jane@example.net'), '/home/net 1005 1006 jane@example.net')
  assert.equal(await homeIn(users, 'jane@example.org'), '/home/jane 1003 1004 Jane')
  assert.equal(await homeIn(users, 'jane'), '/home/jane 1003 1004 Jane')
  assert.equal(await homeIn(users, 'joe@example.net'), 'unknown')
})

test('a malformed line makes every lookup temporary and is named by file and line', async () => {
  const lines = [
    'short:x:1:1',
    'u:x:one:1::/h:',
    'u:x:1:-1::/h:',
    'u:x:1:1::h:',
    ':x:1:1::/h:',
    'u:x:1:1::/h/../x:',
    'u:x:1:4294967295::/h:',
    'u:x:1:1::/h::',
  ]
  for (const line of lines) {
    const users = passwd(`${PASSWD}${line}\n`)
    const isNamed = (error: unknown) =>
      error instanceof TemporaryFault && error.message.startsWith(`${join(root, 'passwd')}:6: `)
    await assert.rejects(users.find(address('joe@example.org')), isNamed, line)
    await assert.rejects(users.find(address('nobody@example.org')), isNamed, line)
  }
})

test('a missing or empty passwd file is temporary', async () => {
  await assert.rejects(passwd(null).find(address('joe@example.org')), TemporaryFault)
  await assert.rejects(passwd('').find(address('joe@example.org')), TemporaryFault)
})

test('a passwd file is read again after a change, a replacement and a return', async () => {
  const users = passwd()
  assert.equal(await homeIn(users, 'new@example.org'), 'unknown')
  passwd(`${PASSWD}new:x:1:1::/home/new:\n`)
  assert.equal(await homeIn(users, 'new@example.org'), '/home/new 1 1 new')
  writeFileSync(join(root, 'passwd.tmp'), 'new:x:1:1::/home/two:\n')
  renameSync(join(root, 'passwd.tmp'), join(root, 'passwd'))
  assert.equal(await homeIn(users, 'new@example.org'), '/home/two 1 1 new')
  rmSync(join(root, 'passwd'))
  await assert.rejects(users.find(address('new@example.org')), TemporaryFault)
  passwd()
  assert.equal(await homeIn(users, 'joe@example.org'), '/home/joe 1001 1002 joe@Example.org')
})

test('nobody is unknown in a file that is still being written', async () => {
  const users = passwd('joe:x:1:1::/home/joe:\n')
  const answer = homeIn(users, 'last')
  setTimeout(() => passwd('joe:x:1:1::/home/joe:\nlast:x:1:1::/home/last:\n'), 100)
  assert.equal(await answer, '/home/last 1 1 last')
})

test('an extension is tried as part of the name first and then taken off', async () => {
  const users = passwd('joe:x:1:1::/home/joe:\njoe+own:x:1:1::/home/own:\n')
  const found = async (text: string, delimiter: string) => {
    const answer = await findUser(address(text), [users], delimiter)
    return answer === 'unknown' ? answer : `${answer.user.home} ${String(answer.extension)}`
  }
  assert.equal(await found('joe+own@x', '+'), '/home/own null')
  assert.equal(await found('joe+list+more@x', '+'), '/home/joe list+more')
  assert.equal(await found('joe-list@x', '+-'), '/home/joe list')
  assert.equal(await found('joe+list@x', ''), 'unknown')
  assert.equal(await found('+list@x', '+'), 'unknown')
  assert.equal(await found('joe+@x', '+'), '/home/joe ')
})

test('a source that cannot tell is not answered for by the next', async () => {
  const down: UserSource = { find: () => Promise.reject(new TemporaryFault('down')) }
  await assert.rejects(findUser(address('joe@x'), [down, passwd()], '+'), TemporaryFault)
})

test('the settings choose the source', () => {
  const owner = { uid: 5000, gid: 5001 }
  assert.ok(userSources(usersSettings.parse({ source: 'passwd' }), owner)[0] instanceof PasswdFileUsers)
  assert.ok(userSources(usersSettings.parse({}), owner)[0] instanceof TemplateUsers)
})
