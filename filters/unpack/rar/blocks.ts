// What both generations of RAR have in common once their headers are read: a walk over blocks.

export type RarFile = {
  readonly kind: 'file'
  readonly name: string
  /** 0: stored. */
  readonly method: 'stored' | 'compressed'
  readonly dataStart: number
  readonly packedBytes: number
  readonly unpackedBytes: number
  /** null: the archive has none that we compute. */
  readonly crc: number | null
  readonly dictionaryBytes: number
  readonly isEncrypted: boolean
  /** Begins in an earlier volume, or goes on in a later one. */
  readonly isSplit: boolean
  /** Neither folder nor link, as far as its header says. Their data, if there are any, are looked at all the same. */
  readonly isPlainFile: boolean
  /** Comments, streams, recovery records: unRAR does not count them among its files. */
  readonly isService: boolean
}

export type RarBlock =
  | RarFile
  | { readonly kind: 'main'; readonly isSolid: boolean; readonly isEncrypted: boolean }
  | { readonly kind: 'end'; readonly moreVolumes: boolean; readonly endByte: number }
  | { readonly kind: 'encryptedHeaders' }
  | { readonly kind: 'damaged'; readonly why: string }
