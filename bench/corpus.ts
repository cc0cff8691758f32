// The mail that is measured with: the folder named by CORPUS, or a corpus made here from a seed, whose sizes follow
// those of real mail (median 3.6 KB, mean 6.7 KB, nine in ten below 14 KB).
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

const MESSAGES = 300

/** A folder of messages with LF line ends, readable for everybody. */
export function corpusFolder(scratch: string): string {
  const given = process.env['CORPUS']
  if (given !== undefined) {
    if (readdirSync(given).length === 0) throw new Error(`CORPUS=${given} holds no messages`)
    return given
  }
  const folder = join(scratch, 'corpus')
  mkdirSync(folder, { recursive: true })
  const random = seeded(20260101)
  for (let n = 0; n < MESSAGES; n++) {
    writeFileSync(join(folder, `${String(n).padStart(3, '0')}.eml`), message(n, random), { mode: 0o644 })
  }
  return folder
}

type Random = () => number

/** mulberry32: the same mail on every machine. */
function seeded(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const WORDS =
  'the mail that you sent us on Monday has come through and we will answer it as soon as someone at the office has read it again please find the list of patches below thanks for your help with kernel builds server load of new release version time people would like more about which other there their http www price order free money report business credit program address computer software network system user group'.split(
    ' ',
  )

function pick<T>(list: readonly T[], random: Random): T {
  return list[Math.floor(random() * list.length)]!
}

function text(bytes: number, random: Random): string {
  const lines: string[] = []
  for (let written = 0; written < bytes;) {
    const words = Array.from({ length: 6 + Math.floor(random() * 8) }, () => pick(WORDS, random))
    const line = words.join(' ')
    lines.push(line)
    written += line.length + 1
  }
  return lines.join('\n') + '\n'
}

function message(n: number, random: Random): string {
  // Log-normal: most mail is small, some is ten times as large.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const bodyBytes = Math.min(60_000, Math.round(2_000 * Math.exp(normal * 1.1)))
  const list = random() < 0.18
  const header = [
    ...Array.from(
      { length: 3 + Math.floor(random() * 3) },
      (_, hop) =>
        `Received: from relay${hop}.example.net (relay${hop}.example.net [192.0.2.${hop + 1}])\n\tby mx${hop}.example.org (Postfix) with ESMTP id ${Math.floor(random() * 1e9).toString(16)}\n\tfor <user@example.org>; Mon,  5 Jan 2026 09:44:0${hop} +0000 (UTC)`,
    ),
    `From: ${pick(WORDS, random)} ${pick(WORDS, random)} <writer${n}@example.net>`,
    'To: user@example.org',
    `Subject: ${text(30, random).trim().slice(0, 60)}`,
    'Date: Mon, 05 Jan 2026 09:44:00 +0000',
    `Message-ID: <bench-${n}@example.net>`,
    'X-Mailer: Some Mail Program 4.2',
    ...(list ? ['List-Id: SpamAssassin talk <spamassassin-talk.example.net>', 'Sender: talk-admin@example.net'] : []),
    'MIME-Version: 1.0',
  ].join('\n')
  if (random() < 0.7) return `${header}\nContent-Type: text/plain; charset=us-ascii\n\n${text(bodyBytes, random)}`
  const html = `<html><body><p>${text(bodyBytes / 2, random)}</p></body></html>\n`
  return `${header}\nContent-Type: multipart/alternative; boundary="=_${n}_b"\n\n--=_${n}_b\nContent-Type: text/plain\n\n${text(bodyBytes / 2, random)}\n--=_${n}_b\nContent-Type: text/html\n\n${html}\n--=_${n}_b--\n`
}
