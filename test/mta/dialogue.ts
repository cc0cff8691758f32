// Runs a dialogue file against the LMTP server. Its lines:
//   # the claim                       set maxRecipients=2       a setting that differs from its default
//   C: a line the client sends        C| raw "\r\n" text        bytes as in a JSON string, no line end added
//   S: a line the server answers      M: a message handed over  (at the end, in order)
// Client lines that follow each other are sent in one piece. `S: <closed>`: the server closes the connection.
import { readFileSync } from 'node:fs'
import { describeHanded } from './table-arrival.js'
import { openLmtpHouse } from './lmtp-house.js'
import { Wire } from './wire.js'

export type Dialogue = { readonly claim: string; readonly lines: readonly string[] }

const SPOOL_SETTINGS = new Set(['maxMessageBytes', 'memoryBytes'])

export function readDialogue(path: string): Dialogue {
  const lines = readFileSync(path, 'utf8').split('\n')
  const claim = lines[0]?.replace(/^# /, '') ?? ''
  return { claim, lines: lines.filter(line => line !== '') }
}

/** The file as it would be if the server were right. */
export async function transcriptOf({ lines }: Dialogue): Promise<string> {
  const settings: Record<string, number> = {}
  const spooling: Record<string, number> = {}
  for (const line of lines) {
    const set = /^set (\w+)=(\d+)$/.exec(line)
    if (set) (SPOOL_SETTINGS.has(set[1]!) ? spooling : settings)[set[1]!] = Number(set[2])
  }
  const house = await openLmtpHouse(settings, spooling)
  const wire = await Wire.open(house.address)
  const transcript: string[] = []
  let toSend = ''
  try {
    for (const line of lines) {
      if (line.startsWith('M: ')) continue
      if (line.startsWith('C: ') || line === 'C:') toSend += `${line.slice(3)}\r\n`
      if (line.startsWith('C| ')) toSend += JSON.parse(line.slice(3)) as string
      if (line.startsWith('S: ')) {
        if (toSend !== '') wire.send(toSend)
        toSend = ''
        transcript.push(`S: ${await wire.line(2000).catch(() => '<silence>')}`)
      } else transcript.push(line)
    }
    const unread = wire.unread().split('\r\n').slice(0, -1)
    const handed = house.table.handed.map(message => `M: ${describeHanded(message)}`)
    return [...transcript, ...unread.map(line => `S: ${line}`), ...handed].join('\n')
  } finally {
    wire.close()
    await house.stop()
  }
}
