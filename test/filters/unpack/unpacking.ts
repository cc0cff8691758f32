// What the tests of this folder share: one archive through the unpacker, its leaves and findings as plain values.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Finding } from '../../../mail/finding.js'
import { unpackSettings, type UnpackSettings } from '../../../filters/unpack/settings.js'
import { createUnpacker, newBudget, type Leaf } from '../../../filters/unpack/unpack.js'

export type Unpacked = {
  /** where → content, in the order of the visits; a second visit of one place has its number. */
  readonly leaves: Map<string, Buffer>
  readonly findings: Finding[]
  readonly elapsedMs: number
}

const scratchDirectories: string[] = []
process.once('exit', () => {
  for (const directory of scratchDirectories) rmSync(directory, { recursive: true, force: true })
})

export function testSettings(settings: Partial<UnpackSettings> = {}): UnpackSettings {
  const scratchDirectory = mkdtempSync(join(tmpdir(), 'mailweir-scratch-'))
  scratchDirectories.push(scratchDirectory)
  return unpackSettings.parse({ scratchDirectory, ...settings })
}

export async function unpackAll(
  content: Buffer,
  how: { fileName?: string; settings?: Partial<UnpackSettings> } = {},
): Promise<Unpacked> {
  const settings = testSettings(how.settings)
  const unpacker = createUnpacker(settings)
  const leaves = new Map<string, Buffer>()
  const fileName = how.fileName ?? 'offer'
  const startedAt = performance.now()
  const findings = await unpacker.unpack(
    { where: fileName, fileName, content: inPieces(content) },
    newBudget(settings),
    async leaf => {
      const where = leaves.has(leaf.where) ? `${leaf.where} (visit ${leaves.size})` : leaf.where
      leaves.set(where, await contentOf(leaf))
    },
    new AbortController().signal,
  )
  const elapsedMs = performance.now() - startedAt
  await unpacker.close()
  return { leaves, findings, elapsedMs }
}

export async function contentOf(leaf: Leaf): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of leaf.content()) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

export async function* inPieces(content: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += 50_000) yield content.subarray(at, at + 50_000)
}

/** The leaf there as text. */
export function textAt(unpacked: Unpacked, where: string): string | undefined {
  return unpacked.leaves.get(where)?.toString('utf8')
}

/** The places visited, without the container itself. */
export function placesIn(unpacked: Unpacked): string[] {
  return [...unpacked.leaves.keys()].slice(0, -1)
}

/** Bytes that do not compress, the same ones every time. */
export function noiseOf(bytes: number): Buffer {
  let state = 7
  return Buffer.from(
    Array.from({ length: bytes }, () => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return state >>> 24
    }),
  )
}
