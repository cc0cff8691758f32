// How much of an archive is opened, and with what. One slice of mailweir.toml: [unpack].
import { z } from 'zod'

const MIB = 1024 * 1024
const count = (fallback: number) => z.int().positive().default(fallback)

export const unpackSettings = z
  .strictObject({
    maxUnpackedBytes: count(200 * MIB).describe('What the archives of one message may unpack to, all together.'),
    maxMembers: count(10_000).describe('Entries of all archives of one message, folders and empty files included.'),
    maxDepth: count(10).describe('Archives inside archives: 1 opens an attached archive but none inside it.'),
    maxRatio: count(250).describe('How many times its own size one attachment may unpack to.'),
    ratioFloorBytes: count(32 * MIB).describe('Below this many unpacked bytes maxRatio is not looked at.'),
    maxTimeMs: count(1500).describe(
      'Time for reading the archives of one message; waiting for scanners does not count.',
    ),
    maxDictionaryBytes: count(32 * MIB).describe(
      'The largest window a compressed RAR may ask to have in memory; 32 MiB is what WinRAR uses.',
    ),
    scratchDirectory: z
      .string()
      .min(1)
      .default('/var/spool/mailweir/scratch')
      .describe('Where content too large for memory lies while it is scanned, in files without a name.'),
    memoryBytes: count(MIB / 4).describe('Content up to this size stays in memory.'),
    workers: count(2).describe('Threads that read archives at the same time.'),
    maxWorkers: count(6).describe('Threads in all, counting those that wait for a scanner with a large file.'),
    idleStopMs: count(10_000).describe('A thread without work ends after this time.'),
  })
  .prefault({})

export type UnpackSettings = z.infer<typeof unpackSettings>

/** What the threads need to know of the settings. */
export type UnpackLimits = Pick<
  UnpackSettings,
  | 'maxUnpackedBytes'
  | 'maxMembers'
  | 'maxDepth'
  | 'maxRatio'
  | 'ratioFloorBytes'
  | 'maxTimeMs'
  | 'maxDictionaryBytes'
  | 'memoryBytes'
>
