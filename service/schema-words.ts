// What a settings schema expects, in words: for faults and for docs/settings.md. In comes the JSON Schema that zod makes
// of our schema, out go its keys and sentences such as `a whole number, 1 to 50`.
import { z } from 'zod'
import type { KeyPath } from './key-places.js'

/** The part of JSON Schema that zod writes for our schemas. */
export type Shape = {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Shape[]
  readonly oneOf?: readonly Shape[]
  readonly allOf?: readonly Shape[]
  readonly properties?: Readonly<Record<string, Shape>>
  readonly additionalProperties?: boolean | Shape
  readonly items?: Shape
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly minLength?: number
  readonly default?: unknown
  readonly description?: string
  /** Said in the documentation where the default depends on the machine. */
  readonly defaultText?: string
}

export function shapeOf(schema: z.ZodType): Shape {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape
}

/** What may stand at that path; null where nothing may. */
export function shapeAt(shape: Shape, path: KeyPath): Shape | null {
  let here: Shape | null = shape
  for (const step of path) {
    if (here === null) return null
    here =
      alternativesOf(here)
        .map(alternative => stepInto(alternative, step))
        .find(found => found !== null) ?? null
  }
  return here
}

function stepInto(shape: Shape, step: string | number): Shape | null {
  if (typeof step === 'number') return shape.items ?? null
  const property = shape.properties?.[step]
  if (property) return property
  return typeof shape.additionalProperties === 'object' ? shape.additionalProperties : null
}

/** The keys that may stand in a table. */
export function keysOf(shape: Shape): string[] {
  return alternativesOf(shape).flatMap(alternative => Object.keys(alternative.properties ?? {}))
}

function alternativesOf(shape: Shape): readonly Shape[] {
  const nested = shape.anyOf ?? shape.oneOf
  return nested ? nested.flatMap(alternativesOf) : [shape]
}

/** `one of "refuse", "tag"`, `a whole number, at least 1`, `text or a whole number`. Unset is not a value one can write. */
export function wordsFor(shape: Shape, name = ''): string {
  const words = alternativesOf(shape).flatMap(alternative => wordsForOne(alternative, name))
  return words.length > 0 ? [...new Set(words)].join(' or ') : 'a value'
}

function wordsForOne(shape: Shape, name: string): string[] {
  if (shape.enum) return [`one of ${shape.enum.map(value => tomlValue(value)).join(', ')}`]
  if (shape.const !== undefined) return [tomlValue(shape.const)]
  const types = typeof shape.type === 'string' ? [shape.type] : (shape.type ?? [])
  return types.filter(type => type !== 'null').map(type => wordsForType(type, shape, name))
}

function wordsForType(type: string, shape: Shape, name: string): string {
  switch (type) {
    case 'integer':
      return `a whole number${rangeWords(shape, name)}`
    case 'number':
      return `a number${rangeWords(shape, name)}`
    case 'string':
      return 'text'
    case 'boolean':
      return 'true or false'
    case 'array':
      return `a list of ${shape.items ? listed(wordsFor(shape.items)) : 'values'}`
    case 'object':
      return 'a table'
    default:
      return type
  }
}

function listed(words: string): string {
  return words === 'text' ? 'texts' : words.replace(/^an? /, '').replace(/^whole number/, 'whole numbers')
}

/** JSON Schema has bounds for what a double can hold; nobody needs to read those. */
function rangeWords(shape: Shape, name: string): string {
  const low = shape.minimum ?? (shape.exclusiveMinimum === undefined ? undefined : shape.exclusiveMinimum + 1)
  const from = low === undefined || low <= Number.MIN_SAFE_INTEGER ? null : numberText(low, name)
  const to =
    shape.maximum === undefined || shape.maximum >= Number.MAX_SAFE_INTEGER ? null : numberText(shape.maximum, name)
  if (from !== null && to !== null) return `, ${from} to ${to}`
  if (from !== null) return `, at least ${from}`
  return to === null ? '' : `, at most ${to}`
}

/** File modes are read in octal. */
export function numberText(value: number, name: string): string {
  return name.endsWith('Mode') && value > 0 ? `0o${value.toString(8)}` : String(value)
}

/** The value as one writes it in TOML, or as near as it gets. */
export function tomlValue(value: unknown, name = ''): string {
  if (typeof value === 'number') return numberText(value, name)
  if (Array.isArray(value)) return `[${value.map(item => tomlValue(item)).join(', ')}]`
  if (value instanceof Date) return value.toString()
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).map(([key, item]) => `${key} = ${tomlValue(item)}`)
    return pairs.length > 0 ? `{ ${pairs.join(', ')} }` : '{}'
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
