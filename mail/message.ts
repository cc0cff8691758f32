// A message whose structure is known: what every stage after parsing works on.
import type { Envelope } from './envelope.js'
import type { Header } from './header.js'
import type { Part } from './part.js'
import type { Spooled } from './spooled.js'

/** Something in the structure that mail programs read in different ways, or a limit reached while reading it. */
export type Oddity = {
  readonly kind: 'ambiguous' | 'overLimit'
  /** For a person: `two Content-Type fields`, `boundary missing`; for `overLimit` the limit's name. */
  readonly what: string
  /** The part's number. */
  readonly where: string
}

export type Message = {
  readonly envelope: Envelope
  readonly spooled: Spooled
  readonly header: Header
  readonly root: Part
  /** Parts that the usual reading does not show but another mail program's reading would: scanned like the others. */
  readonly otherReadings: readonly Part[]
  readonly oddities: readonly Oddity[]
}
