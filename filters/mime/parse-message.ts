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
  const block = await readHeader(source, 0, source.sizeBytes)
  const whole = { startByte: 0, endByte: source.sizeBytes }
  const { fields, endByte } = block
  const body = await everyReading(source, (walk, seen) =>
    walk.entity(whole, messagePlace('', 0), seen === source ? block : undefined),
  )
  return { header: { fields, endByte }, ...body }
}

/**
 * What was a part's content once its transfer encoding is undone: an encoded message (`message/rfc822`), an encoded multipart,
 * or text with files in it. The content has no header of its own but for a message.
 */
export async function structureOfContent(bytes: MessageBytes, mediaType: string): Promise<Structure> {
  if (mediaType.startsWith('message/')) return structureOf(bytes)
  const source = byteSource(bytes)
  const shape = mediaType.startsWith('multipart/') ? 'multipart' : 'leaf'
  const reading = {
    what: '',
    shape,
    mediaType,
    encoding: 'identity',
    fileName: null,
    boundaries: [],
    bodyByte: 0,
  } as const
  const body = await everyReading(source, walk => walk.read(reading, source.sizeBytes, messagePlace('', 0)))
  return { header: { fields: [], endByte: 0 }, ...body }
}

type Body = Pick<Structure, 'root' | 'otherReadings' | 'oddities'>
type Read = (walk: Walk, source: ByteSource) => Promise<Part>

/** With LF as the line end, and where there are bare CRs once more with those as line ends too. */
async function everyReading(source: ByteSource, read: Read): Promise<Body> {
  const ledger = new Ledger(source.sizeBytes)
  const lines = await linesOf(source, ledger)
  const root = await read(new Walk(source, lines, ledger), source)
  if (ledger.hasPending() || lines.embeddedStarts.length > 0 || lines.hasBareCr) {
    ledger.addUsual(leavesOf(root))
    await followAll(ledger)
    await noteEmbedded(source, lines, leavesOf(root), ledger)
  }
  if (lines.hasBareCr) await addBareCrReading(withBareCrAsLf(source), ledger, read)
  await addPaddingReadings(source, ledger, root)
  return { root, otherReadings: ledger.otherReadings, oddities: ledger.oddities }
}

async function linesOf(source: ByteSource, ledger: Ledger): Promise<Lines> {
  const lines = await findLines(source)
  if (lines.overLimit) ledger.note('overLimit', lines.overLimit, '0')
  return lines
}

async function addBareCrReading(source: ByteSource, ledger: Ledger, read: Read): Promise<void> {
  const lines = await linesOf(source, ledger)
  const part = await read(new Walk(source, lines, ledger), source)
  for (const leaf of leavesOf(part)) ledger.addOther(leaf, 'bare CR as line end')
  await followAll(ledger)
  await noteEmbedded(source, lines, leavesOf(part), ledger)
}

async function addPaddingReadings(source: ByteSource, ledger: Ledger, root: Part): Promise<void> {
  for (const leaf of [...leavesOf(root), ...ledger.otherReadings]) {
    if (leaf.encoding !== 'base64') continue
    const end = await paddingInside(source, leaf.startByte, leaf.endByte)
    if (end === null) continue
    const other = { ...leaf, number: leaf.number.replace(/~+$/, '') }
    ledger.addOther({ ...other, endByte: end }, 'padding inside base64')
    ledger.addOther({ ...other, encoding: 'base64-lenient' }, 'padding inside base64')
  }
}
