// The bytes of a message go in, its tree of parts comes out: the usual reading as the tree, and beside it every part that
// only another mail program's reading would show. Never throws for what a message holds; what was not looked at
// because a limit was reached is an oddity. Time and memory grow with the message's size and no faster.
import type { Envelope } from '../../mail/envelope.js'
import type { Header } from '../../mail/header.js'
import type { Message, Oddity } from '../../mail/message.js'
import type { Part } from '../../mail/part.js'
import type { MessageBytes, Spooled } from '../../mail/spooled.js'
import { paddingInside } from './base64-padding.js'
import { byteSource, withBareCrAsLf, type ByteSource } from './byte-source.js'
import { noteEmbedded } from './embedded.js'
import { readHeader } from './header-fields.js'
import { Ledger, leavesOf } from './ledger.js'
import { findLines, type Lines } from './lines.js'
import type { Reading } from './readings.js'
import { followAll, messagePlace, Walk } from './walk.js'

export type Structure = {
  readonly header: Header
  readonly root: Part
  readonly otherReadings: readonly Part[]
  readonly oddities: readonly Oddity[]
}

export async function parseMessage(spooled: Spooled, envelope: Envelope): Promise<Message> {
  return { envelope, spooled, ...(await structureOf(spooled.bytes)) }
}

/** The structure of bytes that begin with a header: a message, or one that was packed or encoded in another. */
export async function structureOf(bytes: MessageBytes): Promise<Structure> {
  const source = byteSource(bytes)
  const lines = await findLines(source)
  const ledger = ledgerFor(source, lines)
  const walk = new Walk(source, lines, ledger)
  const whole = { startByte: 0, endByte: source.sizeBytes }
  const block = await readHeader(source, 0, source.sizeBytes)
  const root = await walk.entity(whole, messagePlace('', 0), block)
  await finish(source, lines, ledger, root)
  if (lines.hasBareCr) {
    const crSource = withBareCrAsLf(source)
    const crLines = await findLines(crSource)
    if (crLines.overLimit) ledger.note('overLimit', crLines.overLimit, '0')
    const part = await new Walk(crSource, crLines, ledger).entity(whole, messagePlace('', 0))
    for (const leaf of leavesOf(part)) ledger.addOther(leaf, 'bare CR as line end')
    await followAll(ledger)
    await noteEmbedded(crSource, crLines, leavesOf(part), ledger)
  }
  await notePadding(source, ledger, root)
  const { fields, endByte } = block
  return { header: { fields, endByte }, root, otherReadings: ledger.otherReadings, oddities: ledger.oddities }
}

/**
 * What was a part's content once its transfer encoding is undone: an encoded message (`message/rfc822`), an encoded multipart,
 * or text with files in it. The content has no header of its own but for a message.
 */
export async function structureOfContent(bytes: MessageBytes, mediaType: string): Promise<Structure> {
  if (mediaType.startsWith('message/')) return structureOf(bytes)
  const source = byteSource(bytes)
  const lines = await findLines(source)
  const ledger = ledgerFor(source, lines)
  const shape = mediaType.startsWith('multipart/') ? 'multipart' : 'leaf'
  const reading: Reading = {
    what: '',
    shape,
    mediaType,
    encoding: 'identity',
    fileName: null,
    boundaries: [],
    bodyByte: 0,
  }
  const root = await new Walk(source, lines, ledger).read(reading, source.sizeBytes, messagePlace('', 0))
  await finish(source, lines, ledger, root)
  return { header: { fields: [], endByte: 0 }, root, otherReadings: ledger.otherReadings, oddities: ledger.oddities }
}

function ledgerFor(source: ByteSource, lines: Lines): Ledger {
  const ledger = new Ledger(source.sizeBytes)
  if (lines.overLimit) ledger.note('overLimit', lines.overLimit, '0')
  return ledger
}

async function finish(source: ByteSource, lines: Lines, ledger: Ledger, root: Part): Promise<void> {
  if (!ledger.hasPending() && lines.embeddedStarts.length === 0 && !lines.hasBareCr) return
  const leaves = leavesOf(root)
  ledger.addUsual(leaves)
  await followAll(ledger)
  if (lines.embeddedStarts.length > 0) await noteEmbedded(source, lines, leaves, ledger)
}

async function notePadding(source: ByteSource, ledger: Ledger, root: Part): Promise<void> {
  for (const leaf of [...leavesOf(root), ...ledger.otherReadings]) {
    if (leaf.encoding !== 'base64') continue
    const end = await paddingInside(source, leaf.startByte, leaf.endByte)
    if (end !== null)
      ledger.addOther({ ...leaf, number: leaf.number.replace(/~+$/, ''), endByte: end }, 'padding inside base64')
  }
}
