// docs/settings.md, made from the schemas, so that it cannot say anything else than the program does.
import { numberText, shapeOf, tomlValue, wordsFor } from './schema-words.js'
import type { Shape } from './schema-words.js'
import { settingsSchema } from './settings.js'

const HEAD = `# Settings

Mailweir reads one file, \`mailweir.toml\`, when it starts and when it is told to reload. Every setting has a default:
an empty file is a valid one. \`mailweir config check\` prints every fault with its line and key.

Units are in the names: \`Ms\` are milliseconds, \`Bytes\` bytes. "Not set" means that leaving the key out is the only way
to say so.

This page is made from the program by \`mailweir config docs\`.
`

/** The whole page. */
export function settingsMarkdown(): string {
  const sections = Object.entries(shapeOf(settingsSchema).properties ?? {})
  return [HEAD, ...sections.map(([name, shape]) => sectionMarkdown(name, shape))].join('\n')
}

function sectionMarkdown(name: string, shape: Shape): string {
  const rows = Object.entries(shape.properties ?? {}).map(([key, field]) => {
    const cells = [
      `\`${key}\``,
      cell(wordsFor(field, key)),
      cell(defaultWords(field, key)),
      cell(field.description ?? ''),
    ]
    return `| ${cells.join(' | ')} |`
  })
  const about = shape.description === undefined ? [] : [shape.description, '']
  return [
    `## [${name}]`,
    '',
    ...about,
    '| Key | Value | Default | Meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

function defaultWords(field: Shape, key: string): string {
  if (field.defaultText !== undefined) return field.defaultText
  if (field.default === null || field.default === undefined) return 'not set'
  return `\`${tomlValue(field.default, key)}\`${sizeWords(field.default, key)}`
}

const KIB = 1024

function sizeWords(value: unknown, key: string): string {
  if (typeof value !== 'number' || !key.endsWith('Bytes') || value < KIB || value % KIB !== 0) return ''
  return value % (KIB * KIB) === 0
    ? ` (${numberText(value / KIB / KIB, '')} MiB)`
    : ` (${numberText(value / KIB, '')} KiB)`
}

function cell(text: string): string {
  return text.replace(/\|/g, '\\|').replace(/\s+/g, ' ')
}
