// Users from a passwd-style file: `name:x:uid:gid:gecos:home:shell`, name a full address or a bare local part.
// The file is read again when it has changed. A malformed line makes every lookup a temporary fault that names file
// and line: a half-written file must not bounce mail. A missing file is a temporary fault too.
import type { BigIntStats } from 'node:fs'
import { open, stat, type FileHandle } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Address } from '../../mail/address.js'
import { TemporaryFault, type User, type UserSource } from './user.js'

/** Two hundred thousand users; a file beyond this was named by mistake. */
const MAX_PASSWD_BYTES = 32 * 1024 * 1024
/** A file younger than this may still be being written: nobody is unknown in it until it has this age. */
const SETTLE_MS = 500

export type PasswdOptions = { readonly passwdFile: string; readonly defaultMaildir: string }

type Loaded = { readonly version: string; readonly changedAtMs: number; readonly users: ReadonlyMap<string, User> }

export class PasswdFileUsers implements UserSource {
  readonly #options: PasswdOptions
  #loaded: Loaded | null = null
  #loading: Promise<Loaded> | null = null

  constructor(options: PasswdOptions) {
    this.#options = options
  }

  async find(address: Address): Promise<User | 'unknown'> {
    const loaded = await this.#current()
    const user = userIn(loaded, address)
    if (user) return user
    const ageMs = Date.now() - loaded.changedAtMs
    if (ageMs < 0 || ageMs >= SETTLE_MS) return 'unknown'
    await sleep(SETTLE_MS - ageMs)
    return userIn(await this.#current(), address) ?? 'unknown'
  }

  /** One reading serves all lookups that wait for it. */
  #current(): Promise<Loaded> {
    this.#loading ??= this.#load().finally(() => (this.#loading = null))
    return this.#loading
  }

  async #load(): Promise<Loaded> {
    const { passwdFile, defaultMaildir } = this.#options
    let file: FileHandle | null = null
    try {
      if (this.#loaded?.version === versionOf(await stat(passwdFile, { bigint: true }))) return this.#loaded
      file = await open(passwdFile, 'r')
      const found = await file.stat({ bigint: true })
      if (found.size > MAX_PASSWD_BYTES)
        throw new TemporaryFault(`${passwdFile} has more than ${MAX_PASSWD_BYTES} bytes`)
      const users = parsePasswd(await file.readFile('utf8'), passwdFile, defaultMaildir)
      this.#loaded = { version: versionOf(found), changedAtMs: Number(found.mtimeNs / 1_000_000n), users }
      return this.#loaded
    } catch (error) {
      if (error instanceof TemporaryFault) throw error
      const why = (error as NodeJS.ErrnoException).code ?? String(error)
      throw new TemporaryFault(`cannot read ${passwdFile}: ${why}`, { cause: error })
    } finally {
      await file?.close()
    }
  }
}

function versionOf(found: BigIntStats): string {
  return [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(':')
}

function userIn(loaded: Loaded, address: Address): User | undefined {
  const localPart = address.localPart.toLowerCase()
  const full = address.domain === '' ? undefined : loaded.users.get(`${localPart}@${address.domain.toLowerCase()}`)
  return full ?? loaded.users.get(localPart)
}

/** Reads the whole file; the first of two lines with the same name counts, as in passwd(5). Throws TemporaryFault for a malformed line. */
export function parsePasswd(text: string, fileName: string, defaultMaildir: string): Map<string, User> {
  const users = new Map<string, User>()
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const user = userFrom(line, defaultMaildir)
    if (typeof user === 'string') throw new TemporaryFault(`${fileName}:${index + 1}: ${user}`)
    const key = user.name.toLowerCase()
    if (!users.has(key)) users.set(key, user)
  }
  if (users.size === 0) throw new TemporaryFault(`${fileName} names no user`)
  return users
}

/** The user of one line, or what is wrong with it. */
function userFrom(line: string, defaultMaildir: string): User | string {
  const fields = line.split(':')
  const [name, , uid, gid, , home] = fields
  if (fields.length !== 7 || name === undefined || uid === undefined || gid === undefined || home === undefined) {
    return `${fields.length} fields instead of the 7 of name:x:uid:gid:gecos:home:shell`
  }

  if (!/^[^\x00-\x20\x7f/]+$/.test(name)) return 'the name is empty or has blanks, slashes or control characters'
  if (!isId(uid)) return `the uid is no number: ${uid}`
  if (!isId(gid)) return `the gid is no number: ${gid}`

  if (!home.startsWith('/') || /[\x00-\x1f\x7f]/.test(home) || home.split('/').includes('..'))
    return 'the home is no absolute path'
  return { name, home, uid: Number(uid), gid: Number(gid), maildir: defaultMaildir, quota: null }
}

function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) < 2 ** 32 - 1
}
