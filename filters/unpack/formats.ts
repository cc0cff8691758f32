// Which reader opens which format. A new format is a folder, a line here, and its first bytes in recognise.ts.
import { readGzip } from './gzip/gzip-reader.js'
import type { ArchiveReader } from './reader.js'
import type { Format } from './recognise.js'
import { readRar } from './rar/rar-reader.js'
import { readTar } from './tar/tar-reader.js'
import { readZip } from './zip/zip-reader.js'

export const READERS: Readonly<Record<Format, ArchiveReader>> = {
  zip: readZip,
  gzip: readGzip,
  tar: readTar,
  rar: readRar,
}
