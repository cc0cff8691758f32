// The names that programs may show for a part: Content-Disposition's before Content-Type's (RFC 2183 2.3), and every other
// one that differs from it.
import type { HeaderField } from '../../mail/header.js'
import { fieldsNamed } from './content-type.js'
import { namesIn } from './decode-name.js'
import { structuredValue } from './parameters.js'

const MAX_NAMES = 8
const MAX_FIELDS = 8

/** Without doubles, the usual one first; empty when no field names the part. `isOverLimit`: there were more. */
export function fileNames(fields: readonly HeaderField[]): { names: string[]; isOverLimit: boolean } {
  const dispositions = fieldsLike(fields, 'content-disposition')
  const types = fieldsLike(fields, 'content-type')
  const found = [...namesOf(dispositions, 'filename', 'name'), ...namesOf(types, 'name', 'filename')]
  const names = found.length < 2 ? found : [...new Set(found.map(name => name.normalize('NFC')))]
  const isOverLimit = names.length > MAX_NAMES || Math.max(dispositions.length, types.length) > MAX_FIELDS
  return { names: names.slice(0, MAX_NAMES), isOverLimit }
}

/** RFC 2183 2.8: every word but `inline` means an attachment. */
export function saysAttachment(fields: readonly HeaderField[]): boolean {
  return fieldsLike(fields, 'content-disposition').some(({ value }) => !/^inline(?![\w-])/i.test(value))
}

function fieldsLike(fields: readonly HeaderField[], name: string): HeaderField[] {
  const { usual, lenient } = fieldsNamed(fields, name)
  return lenient.length > 0 ? [...usual, ...lenient] : usual
}

function namesOf(fields: readonly HeaderField[], key: string, otherKey: string): string[] {
  return fields.slice(0, MAX_FIELDS).flatMap(({ value }) => {
    if (!/name/i.test(value)) return []
    const { parameters } = structuredValue(value)
    return [...namesIn(parameters, key), ...namesIn(parameters, otherKey)]
  })
}
