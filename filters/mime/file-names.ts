// The names that programs may show for a part: Content-Disposition's before Content-Type's (RFC 2183 2.3), and every other
// one that differs from it.
import type { HeaderField } from '../../mail/header.js'
import { fieldsNamed } from './content-type.js'
import { namesIn } from './decode-name.js'
import { structuredValue } from './parameters.js'

const MAX_NAMES = 8
const MAX_FIELDS = 8

/** Without doubles, the usual one first; empty when no field names the part. */
export function fileNames(fields: readonly HeaderField[]): string[] {
  const names = [
    ...namesOf(fields, 'content-disposition', 'filename', 'name'),
    ...namesOf(fields, 'content-type', 'name', 'filename'),
  ]
  return names.length < 2 ? names : [...new Set(names.map(name => name.normalize('NFC')))].slice(0, MAX_NAMES)
}

function namesOf(fields: readonly HeaderField[], fieldName: string, key: string, otherKey: string): string[] {
  const { usual, lenient } = fieldsNamed(fields, fieldName)
  return [...usual, ...lenient].slice(0, MAX_FIELDS).flatMap(({ value }) => {
    if (!/name/i.test(value)) return []
    const { parameters } = structuredValue(value)
    return [...namesIn(parameters, key), ...namesIn(parameters, otherKey)]
  })
}
