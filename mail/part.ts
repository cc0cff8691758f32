// The tree of a message's parts as ranges of its bytes: nothing is copied, nothing is decoded.

/**
 * Content-Transfer-Encoding as we will undo it; `identity` stands for 7bit, 8bit and binary. `base64-lenient` is the reading of
 * programs to which `=` is a character outside the alphabet like any other.
 */
export type Encoding = 'identity' | 'base64' | 'base64-lenient' | 'quoted-printable' | 'uuencode' | 'binhex'

export type Part = {
  /** IMAP's numbering (RFC 3501 6.4.5): `1.2`; the message itself is `0` when it has parts, `1` when it has none. Parts that only a second reading shows end in `~`. */
  readonly number: string
  /** Lower case, without parameters; `text/plain` where the message says nothing usable (RFC 2045 5.2). */
  readonly mediaType: string
  /** Decoded (RFC 2047, RFC 2231); from Content-Disposition, else Content-Type. Never a path: a name to show, to match, to log. */
  readonly fileName: string | null
  readonly encoding: Encoding
  /** Content-Disposition says that it is not to be shown in place (RFC 2183 2.2); left out otherwise. */
  readonly isAttachment?: true
  /** First byte of the body (after the blank line). */
  readonly startByte: number
  /** One past the last byte of the body; the line end before a boundary belongs to the boundary (RFC 2046 5.1.1). */
  readonly endByte: number
  readonly parts: readonly Part[]
}
