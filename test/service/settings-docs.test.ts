import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'smol-toml'
import { keysOf, shapeOf } from '../../service/schema-words.js'
import type { Shape } from '../../service/schema-words.js'
import { settingsMarkdown } from '../../service/settings-docs.js'
import { settingsSchema } from '../../service/settings.js'

const checkout = join(import.meta.dirname, '..', '..', '..')

test('docs/settings.md says what the program does: made anew with `bin/mailweir config docs > docs/settings.md`', async () => {
  assert.equal(await readFile(join(checkout, 'docs', 'settings.md'), 'utf8'), settingsMarkdown())
})

const sections: [string, Shape][] = Object.entries(shapeOf(settingsSchema).properties ?? {})

test('every section and every setting has a sentence', () => {
  assert.ok(sections.length > 10)
  for (const [name, section] of sections) {
    assert.match(section.description ?? '', /\.$/, name)
    assert.ok(keysOf(section).length > 0, name)
    for (const [key, field] of Object.entries(section.properties ?? {})) {
      assert.match(field.description ?? '', /^\S.*[.)]$/, `${name}.${key}`)
    }
  }
})

test('every default that is shown can be written into the file as it stands', () => {
  const page = settingsMarkdown()
  const lines = [...page.matchAll(/^## \[(\w+)\]$|^\| `(\w+)` \| [^|]* \| `([^`]*)`/gm)].map(
    ([, section, key, value]) => (section === undefined ? `${key} = ${value}` : `[${section}]`),
  )
  assert.ok(lines.length > 50)
  const checked = settingsSchema.safeParse(parse(lines.join('\n')))
  assert.deepEqual(checked.error?.issues ?? [], [])
  // The host name is the machine's, so no default for it is shown.
  assert.deepEqual(checked.data, settingsSchema.parse({}))
})
