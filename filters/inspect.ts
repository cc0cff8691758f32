// Looks at one message with everything we have: clamd at every packed thing in it and at the whole, then spamd.
// A parsed message comes in, the verdict and spamd's figures go out. Never throws: whatever could not be looked at,
// for whatever reason, our own faults included, is an `unscanned` finding, and policy says what becomes of it.
import { z } from 'zod'
import { formatAddress } from '../mail/address.js'
import { contentOf } from '../mail/content.js'
import type { Finding } from '../mail/finding.js'
import type { Message } from '../mail/message.js'
import type { Verdict } from '../mail/verdict.js'
import type { Clamd } from './clamd/client.js'
import { startDeadline, whyAborted, type Deadline } from './deadline.js'
import { FindingList } from './finding-list.js'
import { partsToOpen, type OpenablePart } from './leaves.js'
import { decodedContent } from './mime/decode-content.js'
import { CLAMD_STREAM_LIMIT, SPAMD_SIZE_LIMIT, verdictFrom, type Policy } from './policy.js'
import type { Spamd } from './spamd/client.js'
import type { SpamCheck } from './stamp.js'
import type { Unpacker } from './unpack/unpack.js'

export const inspectSettings = z
  .strictObject({
    totalTimeoutMs: z
      .int()
      .min(1)
      .max(3_600_000)
      .default(300_000)
      .describe(
        'How long the inspection of one message may take in all; what was not looked at by then counts as unscanned.',
      ),
  })
  .prefault({})

export type InspectSettings = z.infer<typeof inspectSettings>

type Budget = Parameters<Unpacker['unpack']>[1]

export type Scanners = {
  /** null: switched off in the settings. */
  readonly clamd: Clamd | null
  readonly spamd: Spamd | null
  readonly unpacker: Unpacker
  /** One allowance for everything that is unpacked of one message. */
  readonly newBudget: () => Budget
  readonly policy: Policy
  readonly inspect: InspectSettings
  /** A `stale` finding when clamd's signatures are older than the settings allow, else null. */
  readonly staleFinding: () => Finding | null
}

export type Inspection = {
  readonly verdict: Verdict
  /** null: spamd is off, was not asked, or did not answer. */
  readonly spamCheck: SpamCheck | null
}

export async function inspect(message: Message, scanners: Scanners, signal: AbortSignal): Promise<Inspection> {
  const findings = new FindingList()
  const { totalTimeoutMs } = scanners.inspect
  const deadline = startDeadline(totalTimeoutMs, `inspection took longer than ${totalTimeoutMs} ms`, signal)
  let spamCheck: SpamCheck | null = null
  try {
    const stale = scanners.staleFinding()
    if (stale) findings.add(stale)
    await new VirusSearch(message, scanners, findings, deadline).run()
    if (!findings.has('virus')) spamCheck = await askSpamd(message, scanners.spamd, findings, deadline.signal)
  } catch (error) {
    findings.add({ kind: 'unscanned', by: 'us', why: textOf(error), where: 'message' })
  } finally {
    deadline.end()
  }
  return { verdict: verdictFrom(findings.all, scanners.policy), spamCheck }
}

/** Over as soon as one virus is found, since nothing else could make the message worse. */
class VirusSearch {
  /** null: off, or failed once; asking on would only hold up the message. */
  #clamd: Clamd | null

  constructor(
    private readonly message: Message,
    private readonly scanners: Scanners,
    private readonly findings: FindingList,
    private readonly deadline: Deadline,
  ) {
    this.#clamd = scanners.clamd
  }

  /** What is packed comes first: found there, a virus has a place to name. */
  async run(): Promise<void> {
    const { signal } = this.deadline
    let budget: Budget | null = null
    for await (const opened of partsToOpen(this.message, finding => this.findings.add(finding))) {
      if (signal.aborted) break
      budget ??= this.scanners.newBudget()
      await this.#unpack(opened, budget)
    }
    await this.#scanWhole()
    if (!signal.aborted || this.findings.has('virus')) return
    this.#couldNotLook('us', whyAborted(signal), 'message')
  }

  async #scanWhole(): Promise<void> {
    if (!this.#clamd || this.deadline.signal.aborted) return
    const { bytes, sizeBytes } = this.message.spooled
    try {
      await this.#scan(bytes.stream(0, sizeBytes), 'message', sizeBytes)
    } catch (error) {
      this.#couldNotLook('us', `reading the message failed, ${textOf(error)}`, 'message')
    }
  }

  async #unpack({ bytes, part, where }: OpenablePart, budget: Budget): Promise<void> {
    const { signal } = this.deadline
    try {
      const content = decodedContent(bytes, part)
      const found = await this.scanners.unpacker.unpack(
        { where, fileName: part.fileName, content },
        budget,
        leaf => this.#scan(leaf.content(), leaf.where),
        signal,
      )
      for (const finding of found) this.findings.add(finding)
    } catch (error) {
      // What an archive holds never ends here, only our own faults do; what was called off is accounted for in run().
      if (!signal.aborted) this.#couldNotLook('us', `unpacking failed, ${textOf(error)}`, where)
    }
  }

  async #scan(content: AsyncIterable<Buffer>, where: string, sizeBytes?: number): Promise<void> {
    if (!this.#clamd || this.deadline.signal.aborted) return
    const result = await this.#clamd.scan(content, this.deadline.signal, sizeBytes)
    switch (result.kind) {
      case 'clean':
        return
      case 'infected':
        this.findings.add({ kind: 'virus', name: result.name, where })
        this.deadline.callOff('a virus was found')
        return
      case 'tooLarge':
        this.findings.add({ kind: 'overLimit', limit: CLAMD_STREAM_LIMIT, where })
        return
      case 'failed':
        this.#couldNotLook('clamd', result.why, where)
    }
  }

  /** Once is enough: the mail waits in any case, and asking on would only hold it up. */
  #couldNotLook(by: 'clamd' | 'us', why: string, where: string): void {
    this.#clamd = null
    const known = this.findings.has('unscannedByClamd') || this.findings.has('ownFault')
    if (!known) this.findings.add({ kind: 'unscanned', by, why, where })
  }
}

async function askSpamd(
  message: Message,
  spamd: Spamd | null,
  findings: FindingList,
  signal: AbortSignal,
): Promise<SpamCheck | null> {
  if (!spamd) return null
  const { bytes, sizeBytes } = message.spooled
  const content = contentOf([{ bytes, startByte: 0, endByte: sizeBytes }])
  try {
    const result = await spamd.check(content, userFor(message, spamd.defaultUser), signal)
    if (result.kind === 'tooLarge') {
      findings.add({ kind: 'overLimit', limit: SPAMD_SIZE_LIMIT, where: 'message' })
      return null
    }
    if (result.kind === 'failed') {
      findings.add({ kind: 'unscanned', by: 'spamd', why: result.why, where: 'message' })
      return null
    }
    const { score, threshold, isSpam, tests } = result
    if (isSpam) findings.add({ kind: 'spam', score, threshold, tests })
    return { score, threshold, isSpam, tests }
  } catch (error) {
    findings.add({
      kind: 'unscanned',
      by: 'spamd',
      why: `reading the message failed, ${textOf(error)}`,
      where: 'message',
    })
    return null
  }
}

/** One check serves all recipients; only where there is a single one can it follow that one's preferences. */
function userFor(message: Message, defaultUser: string): string {
  const [only, ...others] = message.envelope.recipients
  return only && others.length === 0 ? formatAddress(only.address) : defaultUser
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
