// Every file in dialogues/ is one claim. A run that differs is written beside the case, as `.actual`.
import assert from 'node:assert/strict'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readDialogue, transcriptOf } from './dialogue.js'

const folder = join(import.meta.dirname, '..', '..', '..', 'test', 'mta', 'dialogues')

for (const name of readdirSync(folder).filter(file => file.endsWith('.txt'))) {
  const path = join(folder, name)
  const dialogue = readDialogue(path)
  test(dialogue.claim, async () => {
    const actual = await transcriptOf(dialogue)
    const expected = dialogue.lines.join('\n')
    if (actual === expected) rmSync(`${path}.actual`, { force: true })
    else writeFileSync(`${path}.actual`, `${actual}\n`)
    assert.equal(actual, expected)
  })
}
