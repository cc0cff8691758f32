// The header of a message or part: its fields in order, as they were written.

export type HeaderField = {
  /** As written, without the colon and the blanks before it. */
  readonly name: string
  /** Unfolded (RFC 5322 2.2.3), outer blanks trimmed, not RFC 2047 decoded; bytes that are not UTF-8 are read as latin-1. */
  readonly value: string
  /** The field with its folding and final line end, in bytes of the message. */
  readonly startByte: number
  readonly endByte: number
}

export type Header = {
  readonly fields: readonly HeaderField[]
  /** One past the last byte of the header, the blank line not included. */
  readonly endByte: number
}

/** The values of every field of that name, in order; names compare without case. */
export function valuesOf(header: Header, name: string): string[] {
  const wanted = name.toLowerCase()
  return header.fields.filter(field => field.name.toLowerCase() === wanted).map(field => field.value)
}
