// Where the tests run Mailweir from. Postfix and the mail user must be able to read it, so a checkout inside a private
// folder (a home, a temporary folder of 0700) is copied to one that everybody can read.
import { cpSync, existsSync, mkdtempSync, rmSync, statSync, chmodSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

export const checkout = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')

/** What runs; tests and sources stay behind. */
const RUNTIME = ['bin', 'dist', 'node_modules', 'package.json', 'rules', 'maildroprc', 'native']

let copy: string | null = null

/** The folder with `bin/mailweir` and `bin/maildrop` in it. */
export function installation(): string {
  if (isReadableForAll(checkout)) return checkout
  copy ??= copyOfCheckout()
  return copy
}

/** A new folder for one test's servers, readable for every user, removed when the test process ends. */
export function publicFolder(name: string): string {
  const folder = mkdtempSync(`/var/tmp/mailweir-${name}-`)
  chmodSync(folder, 0o755)
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function copyOfCheckout(): string {
  const folder = publicFolder('installation')
  for (const name of RUNTIME) {
    const source = join(checkout, name)
    if (existsSync(source)) cpSync(source, join(folder, name), { recursive: true, verbatimSymlinks: true })
  }
  return folder
}

function isReadableForAll(folder: string): boolean {
  for (let path = folder; ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return false
    if (path === dirname(path)) return true
  }
}
