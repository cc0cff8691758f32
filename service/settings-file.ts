// Reads mailweir.toml. In comes its path, out go all settings, or every fault that is in it; never both, never a throw.
// Nothing else in the service reads settings.
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { TomlError, parse } from 'smol-toml'
import { shapeOf } from './schema-words.js'
import { faultsFrom } from './settings-faults.js'
import type { SettingsFault } from './settings-faults.js'
import { settingsSchema } from './settings.js'
import type { Settings } from './settings.js'

export type LoadedSettings =
  | { readonly settings: Settings; readonly faults: readonly [] }
  | { readonly settings: null; readonly faults: readonly SettingsFault[] }

export async function loadSettings(path: string): Promise<LoadedSettings> {
  let source: string
  try {
    source = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path))
  } catch (error) {
    const why = error instanceof TypeError ? 'it is not UTF-8' : messageOf(error).replace(/, (?:open|read)\b.*/, '')
    return { settings: null, faults: [{ file: path, place: null, key: '', what: `cannot be read: ${why}` }] }
  }
  return readSettings(source, basename(path))
}

/** The same for text that is at hand; `file` is its name in faults. */
export function readSettings(source: string, file: string): LoadedSettings {
  let values: unknown
  try {
    values = parse(source)
  } catch (error) {
    return { settings: null, faults: [syntaxFault(error, file)] }
  }
  const checked = settingsSchema.safeParse(values)
  if (checked.success) return { settings: checked.data, faults: [] }
  const faults = faultsFrom(checked.error.issues, { file, source, values, shape: shapeOf(settingsSchema) })
  return { settings: null, faults }
}

/** The parser stops at the first: what follows a wrong quote would only be guesses. */
function syntaxFault(error: unknown, file: string): SettingsFault {
  if (!(error instanceof TomlError)) return { file, place: null, key: '', what: messageOf(error) }
  const [what = ''] = error.message.split('\n')
  const excerpt = error.codeblock.trimEnd()
  return {
    file,
    place: { line: error.line, column: error.column },
    key: '',
    what: `${what.replace(/^Invalid TOML document: /, 'not TOML: ')}\n${excerpt}`,
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
