// What lies in the database directory: each database with a version that changes when the database does.
// Reads only headers of .cvd and .cld; other databases are hashed. A directory that cannot be read rejects.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { coolDownUntil } from './cool-down.js'
import { CVD_HEADER_BYTES, readCvdHeader } from './cvd-header.js'

export type Database = {
  readonly name: string
  /** The number in the header, or a hash of the bytes for databases that have none. */
  readonly version: string
  readonly builtAt: Date | null
  readonly modifiedAt: Date
}

export type DatabaseChange = { readonly name: string; readonly from: string | null; readonly to: string | null }

/** The kinds of file that clamd loads from its directory. */
const DATABASE_NAME =
  /^[^.].*\.(?:cvd|cld|cud|cbc|cdb|cfg|crb|db|fp|ftm|gdb|hdb|hdu|hsb|hsu|idb|ign2?|imp|info|ldb|ldu|mdb|mdu|msb|msu|ndb|ndu|pdb|pwdb|rmd|sdb|sfp|wdb|yara?|zmd)$/

/** Every database in the directory, by name. */
export async function listDatabases(directory: string): Promise<Database[]> {
  const names = (await readdir(directory)).filter(name => DATABASE_NAME.test(name)).sort()
  const databases = await Promise.all(names.map(name => readDatabase(directory, name)))
  return databases.filter(database => database !== null)
}

async function readDatabase(directory: string, name: string): Promise<Database | null> {
  const path = join(directory, name)
  try {
    const { mtime, isFile } = await stat(path).then(stats => ({ mtime: stats.mtime, isFile: stats.isFile() }))
    if (!isFile) return null
    const header = readCvdHeader(await firstBytes(path))
    if (header) return { name, version: String(header.version), builtAt: header.builtAt, modifiedAt: mtime }
    return { name, version: await hashOf(path), builtAt: null, modifiedAt: mtime }
  } catch (error) {
    // freshclam replaces daily.cvd by daily.cld while we look.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(CVD_HEADER_BYTES), 0, CVD_HEADER_BYTES, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return `sha256 ${hash.digest('hex').slice(0, 16)}`
}

/** What is new, different or gone. */
export function changesBetween(before: readonly Database[], after: readonly Database[]): DatabaseChange[] {
  const from = new Map(before.map(database => [database.name, database.version]))
  const to = new Map(after.map(database => [database.name, database.version]))
  return [...new Set([...from.keys(), ...to.keys()])]
    .sort()
    .map(name => ({ name, from: from.get(name) ?? null, to: to.get(name) ?? null }))
    .filter(change => change.from !== change.to)
}

/** The cool-down that freshclam has written down beside the databases; null when there is none ahead. */
export async function coolDownIn(directory: string, now: Date): Promise<Date | null> {
  try {
    return coolDownUntil(await readFile(join(directory, 'freshclam.dat')), now)
  } catch {
    // No file yet, or none that we may read: freshclam itself keeps to its cool-down.
    return null
  }
}
